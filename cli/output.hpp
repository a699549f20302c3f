// How commands print: JSON for programs, sentences and tables for people.
#pragma once

#include <chrono>
#include <string>

#include <trireme/value.hpp>

namespace trireme::cli {

/// One JSON value and a line break on standard output.
void print_json(const Value& value, bool pretty = true);

/// Text as it is on standard output or standard error, at once.
void print(const std::string& text);
void print_error(const std::string& text);

/// `3 d 4 h`, `2 h 3 min`, `5 min 7 s`, `12 s`.
std::string describe_duration(std::chrono::seconds time);
/// `1.234 s`, `56 ms`, `2 min 5 s`.
std::string describe_seconds(double seconds);

/// `4 engines`, `1 engine`.
std::string counted(std::size_t count, const std::string& noun);

}  // namespace trireme::cli
