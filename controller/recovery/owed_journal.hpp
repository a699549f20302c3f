// Which replies are parked for clients that are away: a short file that a crash does not take.
#pragma once

#include <deque>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/log.hpp"

namespace trireme {

/// Records hold the replies, but not whether they were delivered. This file names those that were
/// not: a line `+id` for each that is parked, `?id` when it is sent and `-id` a moment later, when
/// it must have left this machine. It is begun anew when nothing is owed any more. What cannot be
/// written is said once, and costs no more than that a second crash forgets it.
class OwedJournal {
 public:
  /// Nothing is written before the first change. `log` must outlive the journal.
  OwedJournal(std::filesystem::path file, Log& log) : file_(std::move(file)), log_(log) {}
  ~OwedJournal();
  OwedJournal(const OwedJournal&) = delete;
  OwedJournal& operator=(const OwedJournal&) = delete;

  /// What a former run owed at its end, in order.
  struct Debts {
    std::vector<MsgId> certain;
    std::vector<MsgId> doubtful;  // they were sent, but perhaps too late
  };
  Debts read() const;
  /// Forgets what a former run owed.
  void clear();

  void add(std::span<const MsgId> ids);
  void sent(std::span<const MsgId> ids, Instant now);
  /// Lets go of what was sent long enough ago. Cheap; call it every now and then.
  void settle(Instant now);

 private:
  void write(const std::string& lines);

  const std::filesystem::path file_;
  Log& log_;
  int fd_ = -1;
  std::set<MsgId> owed_;
  std::deque<std::pair<Instant, MsgId>> sent_;
  bool has_failed_ = false;
};

}  // namespace trireme
