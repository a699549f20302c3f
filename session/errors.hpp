// The closed table of failures: every code with the name that peers see on the wire.
#pragma once

#include <array>
#include <string_view>

namespace trireme {

/// A code exists only where some caller acts on it.
enum class ErrorCode {
  kInternal,       // a failure nobody foresaw; the text says what happened
  kUsage,          // a wrong command line
  kConfiguration,  // a configuration value or file that cannot be used
  kNotFound,       // a file, record or name that is not there
  kPermission,     // the system refused access
  kIo,             // reading or writing failed (disk full, network gone)
  kBadFormat,      // bytes that are not what their format promises
  kVersion,        // a file or database of a newer version
  kBusy,           // locked or in use by somebody else (database, port)
  kUnsigned,       // a message without signature where one is required
  kBadSignature,   // a signature that does not fit the key
  kReplayed,       // a signature seen before
  kTooLarge,       // beyond a named limit
  kTimeout,        // the allowed time has passed
  kClosed,         // the peer or the channel is gone
  kKeyError,       // unknown id or column in a request
  kIndexError,     // unknown engine in a request
  kNoData,         // the controller keeps no records
  kTypeError,      // a value of the wrong kind
  kEngineError,    // an engine died with the task on it
  kImpossibleDependency,
  kInvalidDependency,
  kTaskTimeout,
  kUnmetDependency,
  kTaskAborted,
  kRemoteError,  // the task itself failed; ename and evalue are the task's own
};

struct ErrorName {
  ErrorCode code;
  std::string_view wire_name;  // `ename` in error contents
};

inline constexpr std::array kErrorNames{
    ErrorName{ErrorCode::kInternal, "RuntimeError"},
    ErrorName{ErrorCode::kUsage, "UsageError"},
    ErrorName{ErrorCode::kConfiguration, "ConfigurationError"},
    ErrorName{ErrorCode::kNotFound, "FileNotFoundError"},
    ErrorName{ErrorCode::kPermission, "PermissionError"},
    ErrorName{ErrorCode::kIo, "OSError"},
    ErrorName{ErrorCode::kBadFormat, "ValueError"},
    ErrorName{ErrorCode::kVersion, "VersionError"},
    ErrorName{ErrorCode::kBusy, "BlockingIOError"},
    ErrorName{ErrorCode::kUnsigned, "UnsignedMessage"},
    ErrorName{ErrorCode::kBadSignature, "InvalidSignature"},
    ErrorName{ErrorCode::kReplayed, "DuplicateSignature"},
    ErrorName{ErrorCode::kTooLarge, "MessageTooLarge"},
    ErrorName{ErrorCode::kTimeout, "TimeoutError"},
    ErrorName{ErrorCode::kClosed, "ConnectionError"},
    ErrorName{ErrorCode::kKeyError, "KeyError"},
    ErrorName{ErrorCode::kIndexError, "IndexError"},
    ErrorName{ErrorCode::kNoData, "NoData"},
    ErrorName{ErrorCode::kTypeError, "TypeError"},
    ErrorName{ErrorCode::kEngineError, "EngineError"},
    ErrorName{ErrorCode::kImpossibleDependency, "ImpossibleDependency"},
    ErrorName{ErrorCode::kInvalidDependency, "InvalidDependency"},
    ErrorName{ErrorCode::kTaskTimeout, "TaskTimeout"},
    ErrorName{ErrorCode::kUnmetDependency, "UnmetDependency"},
    ErrorName{ErrorCode::kTaskAborted, "TaskAborted"},
    ErrorName{ErrorCode::kRemoteError, "RemoteError"},
};

/// The `ename` peers see for this code.
constexpr std::string_view wire_name(ErrorCode code) {
  for (const ErrorName& entry : kErrorNames) {
    if (entry.code == code) return entry.wire_name;
  }
  return "RuntimeError";
}

}  // namespace trireme
