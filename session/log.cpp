#include "session/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace trireme {
namespace {

spdlog::level::level_enum least_level(int level) {
  if (level <= 10) return spdlog::level::debug;
  if (level <= 20) return spdlog::level::info;
  if (level <= 30) return spdlog::level::warn;
  if (level <= 40) return spdlog::level::err;
  return spdlog::level::off;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

struct Log::Impl {
  spdlog::logger logger;
};

Log::Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;
Log::~Log() = default;

Result<Log> Log::open(const Options& options) {
  spdlog::sink_ptr sink;
  try {
    if (options.file) {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file->string(), false);
    } else {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
  } catch (const spdlog::spdlog_ex& failure) {
    return Error{ErrorCode::kIo,
                 "cannot write the log file " + options.file->string() + ": " + failure.what()};
  }
  Log log;
  log.impl_ = std::make_unique<Impl>(Impl{spdlog::logger(std::string(options.program), sink)});
  log.impl_->logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %n[%P] %l: %v");
  log.impl_->logger.set_level(least_level(options.level));
  log.impl_->logger.flush_on(spdlog::level::debug);
  // A full disk must not end the program; the line is lost.
  log.impl_->logger.set_error_handler([](const std::string&) {});
  return log;
}

void Log::write(LogLevel level, std::string_view text) {
  if (impl_ != nullptr) impl_->logger.log(level_of(level), text);
}

bool Log::writes(LogLevel level) const noexcept {
  return impl_ != nullptr && impl_->logger.should_log(level_of(level));
}

}  // namespace trireme
