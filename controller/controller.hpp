// The controller as it runs: sockets, clock, files and the record keeper around ControllerCore.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "controller/core/controller_core.hpp"
#include "controller/core/log_repeats.hpp"
#include "controller/program/endpoints.hpp"
#include "controller/program/options.hpp"
#include "controller/records/record_keeper.hpp"
#include "controller/recovery/offer_schedule.hpp"
#include "controller/recovery/output_gate.hpp"
#include "controller/recovery/owed_journal.hpp"
#include "controller/recovery/run_lock.hpp"
#include "controller/recovery/waiting_mail.hpp"
#include "net/connection_watch.hpp"
#include "net/poll_loop.hpp"
#include "net/wake_up.hpp"
#include "session/log.hpp"
#include "session/profile.hpp"

namespace trireme {

/// One running controller. Belongs to the thread that made it; the record keeper has its own.
/// The sockets are bound and the connection files written when create() returns.
class Controller {
 public:
  /// Everything that can go wrong at start goes wrong here, before any peer knows of us.
  static Result<std::unique_ptr<Controller>> create(const ControllerOptions& options,
                                                    const Profile& profile, Log& log);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Serves until a client asks for the end or one of the signals arrives. At that end the
  /// connection files are removed and unfinished tasks are recorded as ended, unless a later run
  /// is to take both up.
  void run(SignalWatch& signals);

 private:
  Controller(const ControllerOptions& options, const Profile& profile, RunLock lock, Log& log);

  // controller_start.cpp
  /// Whether a former run's work is taken up, and on whose word.
  enum class TakeOver { kNo, kOnRequest, kAfterCrash };
  TakeOver take_over() const;

  Result<void> open();
  Result<EndpointPlan> open_sockets(TakeOver& take_over);
  Result<void> open_core(const EndpointPlan& plan);
  void restore_engines();
  /// `end`: when the former run last wrote to the database.
  void restore_replies(TaskStore& store, const Query& query, ControllerCore::Reached reached);
  void restore_gatherings(TaskStore& store, const std::vector<TaskRecord>& some);
  Result<void> restore_tasks(TaskStore& store, std::optional<Timestamp> end);
  Result<void> write_files(const EndpointPlan& plan);
  void remove_files();

  // controller.cpp
  void watch_channels();
  Result<void> watch_connections();
  void take_cuts(Channel channel);
  void drain_pongs();
  void note_heart(std::string_view engine, int descriptor);
  void watch(Channel channel);
  std::optional<Instant> next_deadline(Instant now);
  void receive(Channel channel);
  void take_in(Channel channel, Frames frames);
  void pace_clients();
  void take_answers();
  void flush();
  void say(LogLevel level, const std::string& text);
  void hand_over_records();
  void send(Channel channel, Frames frames);
  bool try_to_send(Channel channel, Frames& frames);
  bool is_held_back(Channel channel) const;
  void open_gate(const StoreAnswer& answer);
  void deliver(Channel channel, Frames frames);
  void note_unread(Channel channel);
  void retry_mail(Instant now);
  void retry_unread(Instant now);
  void offer_parked(Instant now);
  void publish_engines();
  void save_engines();

  const ControllerOptions options_;
  const Profile profile_;
  RunLock lock_;
  Log& log_;
  OwedJournal owed_;
  const SystemClock clock_;
  NetContext context_;
  std::optional<Endpoints> endpoints_;
  std::map<Channel, ConnectionWatch> watches_;    // of connections that engines make
  std::unordered_map<int, EngineUuid> heart_of_;  // by the descriptor of its connection
  std::unique_ptr<ControllerCore> core_;
  Mailbox<StoreAnswer> answers_;
  std::unique_ptr<RecordKeeper> keeper_;
  PollLoop loop_;
  Outbox outbox_;
  LogRepeats repeats_;
  std::vector<OutgoingFrames> news_;  // of engines that are not on the saved list yet
  Timestamp gate_asked_at_{};
  OutputGate gate_;     // strict durability
  WaitingMail mail_;    // for engines that are cut off
  WaitingMail unread_;  // replies of clients that do not read them
  std::uint64_t unread_dropped_ = 0;
  std::chrono::microseconds unread_pause_{100};  // grows while nobody reads
  Instant next_unread_retry_{};
  Instant next_retry_{};
  OfferSchedule offers_;         // of replies to clients that are away
  bool clients_wait_ = false;    // the record keeper is behind: no new work is read
  bool files_are_ours_ = false;  // written by this run: removed at its end
  std::optional<Instant> end_;   // when a requested shutdown becomes real
  std::uint64_t failed_sends_ = 0;
};

}  // namespace trireme
