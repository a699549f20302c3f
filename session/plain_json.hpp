// A quick reader for the JSON that peers send most: flat objects of plain texts.
//
// It knows a small part of JSON and knows exactly: what it reads is valid JSON with this meaning,
// and whatever else there is it leaves to a real parser.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace trireme {

enum class PlainKind { kString, kTrue, kFalse, kNull };

/// ASCII without control characters and backslashes: no text in it needs decoding or checking.
inline bool is_plain_text(std::string_view text) {
  // Eight bytes at a time; the highest bit of each byte collects what is wrong with it.
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighest = kOnes * 0x80;
  std::uint64_t bad = 0;
  const auto check = [&bad](std::uint64_t word) {
    const std::uint64_t backslash = word ^ (kOnes * '\\');
    bad |= word | (word - kOnes * 0x20) | ((backslash - kOnes) & ~backslash);
  };
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    check(word);
    left -= sizeof word;
  }
  std::uint64_t rest = kOnes * ' ';
  if (left > 0) std::memcpy(&rest, at, left);
  check(rest);
  return (bad & kHighest) == 0;
}

/// Takes a text apart from the front; every function is false, or empty, at what it does not know.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool take(char wanted) {
    skip_spaces();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool take_string(std::string_view& text) {
    if (!take('"')) return false;
    const void* quote = std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_));
    if (quote == nullptr) return false;
    const char* stop = static_cast<const char*>(quote);
    text = {at_, static_cast<std::size_t>(stop - at_)};
    at_ = stop + 1;
    return true;
  }
  bool take_value(std::string_view& text, PlainKind& kind) {
    kind = PlainKind::kString;
    if (take_string(text)) return true;
    text = {};
    return (take_word("true") && (kind = PlainKind::kTrue, true)) ||
           (take_word("false") && (kind = PlainKind::kFalse, true)) ||
           (take_word("null") && (kind = PlainKind::kNull, true));
  }
  bool is_at_end() {
    skip_spaces();
    return at_ == end_;
  }

 private:
  void skip_spaces() {
    while (at_ != end_ && *at_ == ' ') ++at_;
  }
  bool take_word(std::string_view word) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    if (!rest.starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  const char* at_;
  const char* end_;
};

/// Calls visit(key, text, kind) for each member, in order, of an object whose values are strings,
/// true, false and null; the text, of strings, lies in `json`. False when `json` is anything else
/// or is not plain text: what was visited is to be forgotten then.
template <class Visit>
bool visit_plain_object(std::string_view json, const Visit& visit) {
  if (!is_plain_text(json)) return false;
  PlainReader reader(json);
  if (!reader.take('{')) return false;
  if (reader.take('}')) return reader.is_at_end();
  do {
    std::string_view key;
    std::string_view text;
    PlainKind kind;
    if (!reader.take_string(key) || !reader.take(':') || !reader.take_value(text, kind)) {
      return false;
    }
    visit(key, text, kind);
  } while (reader.take(','));
  return reader.take('}') && reader.is_at_end();
}

}  // namespace trireme
