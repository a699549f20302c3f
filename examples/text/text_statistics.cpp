#include "examples/text/text_statistics.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace text {
namespace {

constexpr std::size_t kTopWords = 5;
/// Longer runs of letters are data, not words.
constexpr std::size_t kWordBytesMax = 40;

bool is_letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0x80;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

WordTable count_words(std::string_view bytes) {
  WordTable words;
  std::string word;
  for (auto at = bytes.begin(); at != bytes.end();) {
    at = std::find_if(at, bytes.end(), is_letter);
    const auto end = std::find_if_not(at, bytes.end(), is_letter);
    if (at == end) break;
    word.resize(static_cast<std::size_t>(end - at));
    std::transform(at, end, word.begin(), to_lower);
    if (word.size() <= kWordBytesMax) ++words[word];
    at = end;
  }
  return words;
}

}  // namespace

void examine(std::string_view bytes, FileReport& report, WordTable& all_words) {
  const WordTable words = count_words(bytes);
  report.bytes = static_cast<std::int64_t>(bytes.size());
  report.lines = std::count(bytes.begin(), bytes.end(), '\n');
  report.words = 0;
  for (const auto& [word, count] : words) {
    report.words += count;
    all_words[word] += count;
  }
  report.top_words = most_frequent(words, kTopWords);
  report.sha256 = sha256_hex(bytes);
}

template <class Table>
std::vector<WordCount> most_frequent(const Table& words, std::size_t count) {
  std::vector<WordCount> top(std::min(count, words.size()));
  std::partial_sort_copy(words.begin(), words.end(), top.begin(), top.end(),
                         [](const auto& a, const auto& b) {
                           return a.second != b.second ? a.second > b.second : a.first < b.first;
                         });
  return top;
}
template std::vector<WordCount> most_frequent(const WordTable&, std::size_t);
template std::vector<WordCount> most_frequent(const std::map<std::string, std::int64_t>&,
                                              std::size_t);

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL offers no SHA-256");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xFU];
  }
  return hex;
}

}  // namespace text
