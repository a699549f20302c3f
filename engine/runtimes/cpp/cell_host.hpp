// The host's side of what cells can ask for: whom they reach, and the table of functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/cell/host_calls.hpp"
#include "engine/runtimes/cpp/interpreter.hpp"
#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// Whom hosted code speaks to while it runs. Its functions may be called from any thread.
class CellHost {
 public:
  virtual ~CellHost() = default;
  virtual NameSpace& names() = 0;
  virtual int engine_id() const = 0;
  virtual bool stop_requested() const = 0;
  virtual void display(CellDisplay display) = 0;
  virtual void clear_output(bool wait) = 0;
  virtual void result(MimeBundle bundle) = 0;
  virtual Result<std::string> input(std::string_view prompt, bool is_password) = 0;
};

/// While one lives, hosted code that runs on this thread reaches `host`; with `for_all_threads`,
/// threads without a host of their own do, too.
class CellHostScope {
 public:
  CellHostScope(CellHost& host, bool for_all_threads);
  ~CellHostScope();
  CellHostScope(const CellHostScope&) = delete;
  CellHostScope& operator=(const CellHostScope&) = delete;

 private:
  CellHost* before_;
  CellHost* before_for_all_;
};

/// What is reached from this thread; null outside of cells.
CellHost* current_cell_host();

/// All of host_calls.hpp by name.
std::vector<HostSymbol> cell_host_symbols();

inline trireme_value* handle_of(Value& value) { return reinterpret_cast<trireme_value*>(&value); }
inline const trireme_value* handle_of(const Value& value) {
  return reinterpret_cast<const trireme_value*>(&value);
}

}  // namespace trireme
