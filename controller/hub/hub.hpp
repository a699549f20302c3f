// The hub: who takes part in the cluster, what became of each task, and every question about both.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "controller/hub/engine_registry.hpp"
#include "controller/hub/heart_monitor.hpp"
#include "controller/hub/hub_replies.hpp"
#include "controller/hub/hub_requests.hpp"
#include "controller/hub/outbox.hpp"
#include "controller/hub/question_lanes.hpp"
#include "controller/hub/task_log.hpp"
#include "controller/hub/task_queue_view.hpp"
#include "db/store_question.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"
#include "session/message_type.hpp"

namespace trireme {

/// Answers engines and clients on the query channel, notices engines that come and go, and has
/// the traffic recorded. Pure; one thread: events and `now` in, effects out (Outbox).
///
/// Requests that need no records are answered within on_request; the others become questions to
/// the store and are answered from on_store_answer, so that a slow question delays nobody else.
/// Clients match replies by the parent header. A client has a few questions with the store at once
/// and its further ones wait (QuestionLanes). A task is *pending* while the ledger of direct
/// tasks or the task queue has it, and otherwise what its record says.
///
/// Records that one event reports must be handed to the store before the questions it asks: a
/// task that is no longer pending then is completed in the store's answer.
class Hub {
 public:
  struct Options {
    HeartMonitor::Options heart;
    EngineRegistry::Options registry;
    std::string connection_info_json = "{}";      // told to engines that register
    bool keeps_records = true;                    // false: requests for records fail with NoData
    std::uint64_t answer_bytes_max = kUnlimited;  // of records at once; more fail with TooLarge
  };
  /// With this many store questions open, further requests for records are refused.
  static constexpr std::size_t kOpenQuestionsMax = 65'536;

  /// `factory` and `tasks` must outlive the hub.
  Hub(Options options, MessageFactory& factory, const TaskQueueView& tasks);

  /// Heartbeats begin.
  void start(Now now) { hearts_.start(now.instant); }

  /// A verified message on the query channel. Its first identity is the asker.
  void on_request(const Message& request, Now now, Outbox& out);
  void on_store_answer(StoreAnswer answer, Now now, Outbox& out);
  void on_pong(const EngineUuid& heart, std::string_view payload, Now now, Outbox& out);
  /// The connection of a live engine's heart ended. If it does not beat on another one within
  /// kCutOffPatience the engine is gone: a process that has ended closes its connections at once,
  /// and its host says so, while hearts tell of hosts and networks that are silent.
  void on_heart_cut(const EngineUuid& heart, Now now);
  /// True from then on until it beats.
  bool is_cut_off(const EngineUuid& heart) const { return cut_off_.contains(heart); }
  static constexpr std::chrono::milliseconds kCutOffPatience{2'000};
  /// An iopub message by.
  void on_output(const Message& message, Now now, Outbox& out);
  void on_deadline(Now now, Outbox& out);
  std::optional<Instant> next_deadline() const;

  /// Takes over the engines of an earlier controller, from engines_json(). Nobody is notified;
  /// engines that do not answer pings are dropped like any other. kBadFormat changes nothing.
  Result<void> restore(std::string_view engines_json, Outbox& out);
  /// For the file that a restarted controller reads; changes with each engine that comes or goes.
  std::string engines_json() const { return registry_.snapshot_json(); }

  const EngineRegistry& engines() const noexcept { return registry_; }
  /// Where relayed and scheduled traffic is reported.
  TaskLog& log() noexcept { return log_; }
  const TaskLog& log() const noexcept { return log_; }

  /// True for message types that on_request has a handler for.
  static bool handles(MessageType type);

  /// State in JSON, for people.
  std::string describe() const;
  void check_invariants() const;

 private:
  /// Whom to answer, and what the answer names as its parent.
  struct Asker {
    Frames identities;
    Frame header_json;
  };
  using Handler = void (Hub::*)(const Message& request, Now now, Outbox& out);
  struct Route {
    MessageType type;
    Handler handler;
    bool asks_store;
  };
  using OnReply =
      std::function<void(Result<StoreReply> reply, Now now, Outbox& out)>;  // after a question

  struct Stranded {
    Instant deadline;
    EngineId id;
    EngineUuid uuid;
  };
  struct PurgeProgress {
    std::size_t steps_left = 0;
    std::string content;
  };

  static const std::array<Route, 13> kRoutes;

  // hub.cpp: membership
  void register_engine(const Message& request, Now now, Outbox& out);
  void unregister_engine(const Message& request, Now now, Outbox& out);
  void connect_client(const Message& request, Now now, Outbox& out);
  void shut_down(const Message& request, Now now, Outbox& out);
  void refuse_dask(const Message& request, Now now, Outbox& out);
  void refuse_stop_distributed(const Message& request, Now now, Outbox& out);
  void engine_joined(EngineId id, const EngineUuid& uuid, Now now, Outbox& out);
  void engine_left(EngineId id, std::string_view reason, Now now, Outbox& out);

  // hub_queries.cpp: questions about tasks
  void queue_status(const Message& request, Now now, Outbox& out);
  void check_load(const Message& request, Now now, Outbox& out);
  void get_results(const Message& request, Now now, Outbox& out);
  void get_history(const Message& request, Now now, Outbox& out);
  void query_records(const Message& request, Now now, Outbox& out);
  void purge_results(const Message& request, Now now, Outbox& out);
  void resubmit_tasks(const Message& request, Now now, Outbox& out);

  Result<std::vector<EngineId>> choose_engines(const EngineNames& names) const;
  QueueReport engine_queue(EngineId id, bool verbose) const;
  void finish_queue_status(const Asker& asker, QueueReports status, Result<StoreReply> reply,
                           Now now, Outbox& out);
  void finish_results(const Asker& asker, const ResultRequest& request,
                      const std::vector<MsgId>& pending, const std::vector<TaskRecord>& records,
                      Now now, Outbox& out);
  void finish_resubmit(const Asker& asker, const ResubmitRequest& request,
                       const std::vector<TaskRecord>& records, Now now, Outbox& out);
  Result<Message> task_again(const TaskRecord& record, Now now);
  bool is_pending(const MsgId& msg_id) const;

  static Asker asker_of(const Message& request);
  void answer(const Asker& asker, MessageType type, std::string content, Now now, Outbox& out,
              Frames buffers = {});
  void notify(MessageType type, std::string content, Now now, Outbox& out, Frame parent = {});
  /// Answers with an error. With the request's own reply type for failures that are part of the
  /// protocol, with hub_error for all others.
  void fail(const Asker& asker, MessageType type, const Error& error, Now now, Outbox& out);
  /// Asks the store, as soon as it is the asker's turn; `then` runs with what it says.
  void ask(const Asker& asker, StoreRequest request, OnReply then, Outbox& out);

  Options options_;
  MessageFactory& factory_;
  const TaskQueueView& tasks_;
  EngineRegistry registry_;
  HeartMonitor hearts_;
  TaskLog log_;
  std::deque<Stranded> stranded_;          // by deadline
  std::map<EngineUuid, Instant> cut_off_;  // and how long their hearts may stay away
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, OnReply> open_questions_;
  QuestionLanes lanes_;
};

}  // namespace trireme
