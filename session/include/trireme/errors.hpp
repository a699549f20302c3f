// What the public calls of Trireme throw: one family of exceptions, one type per thing a caller
// may want to handle.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace trireme {

/// The root of the family. what() is one sentence that names the thing and the mend.
class Exception : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value of another kind than the caller or the task asked for, or out of its range.
class TypeError : public Exception {
 public:
  using Exception::Exception;
};

/// Text or bytes that are not what their format promises (JSON, a reply of a peer).
class FormatError : public Exception {
 public:
  using Exception::Exception;
};

/// The controller cannot be found or reached, or the client was closed.
class ConnectionError : public Exception {
 public:
  using Exception::Exception;
};

/// The caller's own limit of waiting passed; what was waited for goes on.
class TimeoutError : public Exception {
 public:
  using Exception::Exception;
};

/// A view or a query names an engine that is not there.
class NoSuchEngine : public Exception {
 public:
  using Exception::Exception;
};

/// A query the controller answered with a refusal: unknown id, unknown column, records not kept.
class QueryError : public Exception {
 public:
  QueryError(std::string ename, std::string evalue)
      : Exception(ename + ": " + evalue), ename_(std::move(ename)), evalue_(std::move(evalue)) {}
  /// The controller's name of the failure (`KeyError`, `IndexError`, `NoData`, ...).
  const std::string& ename() const noexcept { return ename_; }
  const std::string& evalue() const noexcept { return evalue_; }

 private:
  std::string ename_;
  std::string evalue_;
};

/// What an engine or the scheduler told about a task that did not succeed.
struct RemoteFailure {
  std::string ename;                   // type of the error in the task's own language
  std::string evalue;                  // its text
  std::vector<std::string> traceback;  // lines for people, may be empty
  std::string engine_uuid;             // empty when no engine was involved
  int engine_id = -1;                  // -1 when unknown
  std::string msg_id;                  // of the request
};

/// The task itself failed. The subclasses below are failures the task is not to blame for.
class RemoteError : public Exception {
 public:
  explicit RemoteError(RemoteFailure failure)
      : Exception(describe(failure)), failure_(std::move(failure)) {}

  const std::string& ename() const noexcept { return failure_.ename; }
  const std::string& evalue() const noexcept { return failure_.evalue; }
  const std::vector<std::string>& traceback() const noexcept { return failure_.traceback; }
  const std::string& engine_uuid() const noexcept { return failure_.engine_uuid; }
  int engine_id() const noexcept { return failure_.engine_id; }
  const std::string& msg_id() const noexcept { return failure_.msg_id; }
  const RemoteFailure& failure() const noexcept { return failure_; }

 private:
  static std::string describe(const RemoteFailure& failure) {
    std::string text = failure.ename;
    if (!failure.evalue.empty()) text += ": " + failure.evalue;
    if (failure.engine_id >= 0) text += " (engine " + std::to_string(failure.engine_id) + ")";
    return text;
  }

  RemoteFailure failure_;
};

/// The task was aborted before it began.
class TaskAborted : public RemoteError {
 public:
  using RemoteError::RemoteError;
};

/// The engine died with the task on it.
class EngineDied : public RemoteError {
 public:
  using RemoteError::RemoteError;
};

/// The tasks this one waits for ended the other way, or ran where it may not run.
class ImpossibleDependency : public RemoteError {
 public:
  using RemoteError::RemoteError;
};

/// The task waits for tasks the scheduler does not know.
class InvalidDependency : public RemoteError {
 public:
  using RemoteError::RemoteError;
};

/// The task did not start within its timeout.
class TaskTimeout : public RemoteError {
 public:
  using RemoteError::RemoteError;
};

/// Several tasks of one call failed; `failures` are in the order of the call's tasks.
class CompositeError : public Exception {
 public:
  explicit CompositeError(std::vector<RemoteFailure> failures)
      : Exception(describe(failures)), failures_(std::move(failures)) {}
  const std::vector<RemoteFailure>& failures() const noexcept { return failures_; }

 private:
  static std::string describe(const std::vector<RemoteFailure>& failures) {
    std::string text = std::to_string(failures.size()) + " tasks failed";
    if (failures.empty()) return text;
    text += "; the first: " + failures.front().ename;
    if (!failures.front().evalue.empty()) text += ": " + failures.front().evalue;
    return text;
  }

  std::vector<RemoteFailure> failures_;
};

}  // namespace trireme
