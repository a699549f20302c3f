// Word and line statistics and the SHA-256 of a run of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/text/text_tasks.hpp"

namespace text {

using WordTable = std::unordered_map<std::string, std::int64_t>;

/// Fills in everything but path and error, and adds the words to `all_words`.
void examine(std::string_view bytes, FileReport& report, WordTable& all_words);

/// The most frequent words, at most `count`, equal counts in the order of the alphabet.
template <class Table>
std::vector<WordCount> most_frequent(const Table& words, std::size_t count);

/// 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace text
