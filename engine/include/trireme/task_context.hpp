// What a running task can ask of its engine: to be told to stop, to show something, the name space.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <trireme/errors.hpp>
#include <trireme/value.hpp>

namespace trireme {

/// A failure under a name of your choice: callers get a RemoteError with this ename and evalue.
class TaskError : public Exception {
 public:
  TaskError(std::string ename, std::string evalue)
      : Exception(evalue), ename_(std::move(ename)), evalue_(std::move(evalue)) {}
  const std::string& ename() const noexcept { return ename_; }
  const std::string& evalue() const noexcept { return evalue_; }

 private:
  std::string ename_;
  std::string evalue_;
};

/// Not on this engine: a load-balanced task that throws it is tried on another one.
class UnmetDependency : public TaskError {
 public:
  explicit UnmetDependency(std::string evalue) : TaskError("UnmetDependency", std::move(evalue)) {}
};

/// The task heeded the wish that it stop.
class TaskStopped : public Exception {
 public:
  TaskStopped() : Exception("the task was asked to stop") {}
};

/// Named values that live on an engine from task to task. Thread-safe.
class NameSpace {
 public:
  virtual ~NameSpace() = default;
  virtual std::optional<Value> get(std::string_view name) const = 0;
  virtual void set(std::string name, Value value) = 0;
  /// False when there was no such name.
  virtual bool erase(std::string_view name) = 0;
  virtual std::vector<std::string> keys() const = 0;
  virtual void clear() = 0;
};

/// One run of one task. Valid until the function returns. The output and stop functions may be
/// called from any thread that the task has started (and will have joined by then).
class TaskContext {
 public:
  virtual ~TaskContext() = default;

  /// Becomes set when the caller aborts the task or an interrupt arrives. Long tasks should look
  /// at it; a task that throws TaskStopped then counts as aborted or interrupted.
  virtual std::stop_token stop_token() const = 0;
  bool stop_requested() const { return stop_token().stop_requested(); }
  void throw_if_stopped() const {
    if (stop_requested()) throw TaskStopped();
  }

  virtual int engine_id() const = 0;
  virtual std::string engine_uuid() const = 0;
  virtual std::string msg_id() const = 0;
  /// The values pushed to this engine, shared by all its tasks.
  virtual NameSpace& name_space() = 0;

  /// Text that the caller sees as the task's standard output or error while it runs. What goes to
  /// std::cout, std::cerr and printf on the task's own thread arrives there too.
  virtual void write_out(std::string_view text) = 0;
  virtual void write_err(std::string_view text) = 0;
  /// Rich output: mime type -> representation, for clients that can show it.
  virtual void display(const Dict& data) = 0;
};

}  // namespace trireme
