// One log per program: to standard error, or to a file, in lines a person can follow.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "session/result.hpp"

namespace trireme {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Where the lines go and which of them. Thread-safe; lines of one thread keep their order.
class Log {
 public:
  struct Options {
    std::string_view program;  // named in every line
    int level = 20;  // least level written: 10 debug, 20 info, 30 warning, 40 error, more: nothing
    std::optional<std::filesystem::path> file;  // empty: standard error
  };
  /// kPermission or kIo when the file cannot be written.
  static Result<Log> open(const Options& options);
  /// A log that drops everything.
  Log();

  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();

  void write(LogLevel level, std::string_view text);
  bool writes(LogLevel level) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trireme
