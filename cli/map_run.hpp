// Many inputs through one command: keeps the engines busy and hands back the ends in order.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/remote_command.hpp"

namespace trireme::cli {

/// How one input fared.
struct MapOutcome {
  std::size_t index = 0;
  CommandEnd end;
};

/// Puts outcomes in the order of their inputs, or lets them pass as they come.
class OutcomeOrder {
 public:
  explicit OutcomeOrder(bool ordered) : ordered_(ordered) {}

  void add(MapOutcome outcome);
  /// The next one that may be shown; empty when its turn has not come.
  std::optional<MapOutcome> next();

 private:
  bool ordered_;
  std::size_t next_index_ = 0;
  std::map<std::size_t, MapOutcome> held_;
};

struct MapCounts {
  std::size_t ok = 0;
  std::size_t failed = 0;
  std::size_t skipped = 0;  // never ran, because another failed or the user stopped it

  std::size_t done() const { return ok + failed + skipped; }
};

/// What a map needs to know.
struct MapRun {
  std::size_t count = 0;
  /// Submits the command for one input.
  std::function<AsyncResult<Value>(std::size_t index)> submit;
  /// Called with each outcome in turn; skipped inputs never come here.
  std::function<void(const MapOutcome&)> show;
  /// Called now and then with how far it is.
  std::function<void(const MapCounts&)> draw;
  /// True when the user wants it to end.
  std::function<bool()> interrupted;
  /// Ends tasks that run or wait.
  std::function<void(const std::vector<std::string>&)> cancel;
  std::size_t window = 64;  // tasks under way at once
  bool keep_going = false;
  bool ordered = true;
};

/// Runs it to its end. After a failure without keep_going nothing new is begun, and what has begun
/// may finish; after an interrupt what runs is ended too.
MapCounts run_map(const MapRun& run);

}  // namespace trireme::cli
