// Writes pickles that every Python since 3.4 reads: protocol 4, no memo, no frames.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <trireme/value.hpp>

namespace trireme {

/// Appends one pickle, operation by operation. The order of calls is that of Python's stack
/// machine: a list is begin_list(), its items, end_list(); a call is a global, its arguments as a
/// tuple, reduce().
class PickleWriter {
 public:
  PickleWriter() { text_ = "\x80\x04"; }

  void none() { text_ += 'N'; }
  void boolean(bool flag) { text_ += flag ? '\x88' : '\x89'; }
  void integer(std::int64_t number);
  void real(double number);
  /// UTF-8; what is none is written as bytes, so that nothing is lost.
  void text(std::string_view text);
  void bytes(std::string_view bytes);

  void begin_list() { text_ += "]("; }
  void end_list() { text_ += 'e'; }
  void begin_tuple() { text_ += '('; }
  void end_tuple() { text_ += 't'; }
  void begin_dict() { text_ += "}("; }  // then key, value, key, value, ...
  void end_dict() { text_ += 'u'; }

  /// Something importable, by its module and name; the name may have dots.
  void global(std::string_view module, std::string_view name);
  void reduce() { text_ += 'R'; }
  /// `object.__new__(class)` of the global that was written last, then a state.
  void new_object() { text_ += ")\x81"; }
  void build() { text_ += 'b'; }

  /// A whole value: arrays as numpy pickles them, everything else as Python's own kinds.
  /// TypeError when it is nested deeper than kValueDepthMax.
  void value(const Value& value);

  /// The complete pickle; the writer is empty afterwards.
  std::string finish();

 private:
  void sized(char short_code, char code, char long_code, std::string_view text);
  void value(const Value& value, std::size_t depth);
  void array(const Array& array);

  std::string text_;
};

}  // namespace trireme
