// Turns verbs into events and effects into lines.
#include "tests/unit/controller/scheduler/scheduler_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace trireme {

TaskBuilder& TaskBuilder::set(Dependency& dependency, std::vector<std::string> ids) {
  for (std::string& id : ids) dependency.ids.emplace_back(std::move(id));
  std::sort(dependency.ids.begin(), dependency.ids.end());
  return *this;
}

TaskBuilder& TaskBuilder::wanting(bool success, bool failure) {
  for (Dependency* dependency : {&terms_.after, &terms_.follow}) {
    dependency->success = success;
    dependency->failure = failure;
  }
  return *this;
}

TaskBuilder& TaskBuilder::on(std::vector<std::string> engines) {
  for (std::string& engine : engines) terms_.targets.emplace_back(std::move(engine));
  return *this;
}

TaskBuilder& TaskBuilder::retries(std::uint32_t count) {
  terms_.retries = count;
  return *this;
}

TaskBuilder& TaskBuilder::timeout(std::chrono::nanoseconds duration) {
  terms_.timeout = duration;
  return *this;
}

TaskSubmission TaskBuilder::build() const {
  return {MsgId(id_), RoutingId("client of " + id_), Frames{Frame("body of " + id_)},
          Frame("header of " + id_), terms_};
}

SchedulerWorld::~SchedulerWorld() {
  EXPECT_TRUE(effects_.empty()) << "effects nobody expected, the first: " << effects_.front();
}

void SchedulerWorld::join(const std::string& engine) {
  scheduler_.on_engine_joined(EngineUuid(engine), now_, outbox_);
  record();
}

void SchedulerWorld::lose(const std::string& engine) {
  scheduler_.on_engine_left(EngineUuid(engine), now_, outbox_);
  record();
}

void SchedulerWorld::submit(const TaskBuilder& builder) {
  scheduler_.on_submit(builder.build(), now_, outbox_);
  record();
}

void SchedulerWorld::succeed(const std::string& id, const std::string& engine) {
  reply(id, engine, {});
}

void SchedulerWorld::fail(const std::string& id, const std::string& engine) {
  reply(id, engine, {true, ReplyStatus::kError});
}

void SchedulerWorld::abort(const std::string& id, const std::string& engine) {
  reply(id, engine, {true, ReplyStatus::kAborted});
}

void SchedulerWorld::refuse(const std::string& id, const std::string& engine) {
  reply(id, engine, {false, ReplyStatus::kError});
}

void SchedulerWorld::reply(const std::string& id, const std::string& engine, ReplyTerms terms) {
  scheduler_.on_reply(EngineUuid(engine), MsgId(id), terms, Frames{Frame("reply to " + id)}, now_,
                      outbox_);
  record();
}

void SchedulerWorld::answer(const std::string& id, std::vector<PastOutcome> known) {
  scheduler_.on_outcomes(MsgId(id), known, now_, outbox_);
  record();
}

void SchedulerWorld::pass(std::chrono::nanoseconds duration) {
  const Instant end = now_ + duration;
  while (scheduler_.next_deadline() && *scheduler_.next_deadline() <= end) {
    now_ = std::max(now_, *scheduler_.next_deadline());
    scheduler_.on_deadline(now_, outbox_);
    record();
    if (scheduler_.next_deadline() && *scheduler_.next_deadline() <= now_) {
      FAIL() << "a deadline stays due after it was handled";
    }
  }
  now_ = end;
}

void SchedulerWorld::restore(const TaskBuilder& builder, const TaskPast& past) {
  scheduler_.on_restored(builder.build(), past, now_, outbox_);
  record();
}

void SchedulerWorld::lose_attempt(const std::string& id, const std::string& engine) {
  scheduler_.on_attempt_lost(EngineUuid(engine), MsgId(id), now_, outbox_);
  record();
}

bool SchedulerWorld::cancel(const std::string& id) {
  const bool cancelled = scheduler_.cancel(MsgId(id), now_, outbox_);
  record();
  return cancelled;
}

void SchedulerWorld::expect(const std::vector<std::string>& lines) {
  EXPECT_EQ(take_effects(), lines);
}

void SchedulerWorld::record() {
  for (SchedulerEffect& effect : outbox_.effects) {
    if (const auto* over = std::get_if<AttemptOver>(&effect)) {
      attempts_.push_back(over->msg_id.str() + " " + std::to_string(over->number) + " on " +
                          over->engine.str() + ": " + std::string(attempt_end_text(over->end)));
    } else {
      effects_.push_back(line_of(effect));
    }
  }
  outbox_.effects.clear();
  scheduler_.check_invariants();
}

std::string SchedulerWorld::line_of(SchedulerEffect& effect) {
  if (auto* run = std::get_if<RunTask>(&effect)) {
    const std::string id = run->task->msg_id.str();
    EXPECT_EQ(run->task->client, RoutingId("client of " + id));
    EXPECT_EQ(run->task->body, Frames{Frame("body of " + id)});
    const std::string again = " again (" + std::to_string(run->attempt) + ")";
    return "run " + id + " on " + run->engine->str() + (run->attempt == 1 ? "" : again);
  }
  if (auto* deliver = std::get_if<DeliverReply>(&effect)) {
    const std::string id = deliver->msg_id.str();
    EXPECT_EQ(deliver->client, RoutingId("client of " + id));
    EXPECT_EQ(deliver->body, Frames{Frame("reply to " + id)});
    last_delivery_ = std::move(*deliver);
    return "deliver " + id + " from " + last_delivery_.engine.str() + ": " +
           (last_delivery_.ended_ok ? "ok" : "failed");
  }
  if (auto* failure = std::get_if<FailTask>(&effect)) {
    const std::string id = failure->msg_id.str();
    EXPECT_EQ(failure->client, RoutingId("client of " + id));
    EXPECT_EQ(failure->header_json, Frame("header of " + id));
    last_failure_ = std::move(*failure);
    return "fail " + id + ": " + std::string(wire_name(last_failure_.reason));
  }
  if (auto* question = std::get_if<LookUpOutcomes>(&effect)) {
    std::string line = "look up ";
    for (const MsgId& id : question->ids) {
      line += (&id == question->ids.data() ? "" : ", ") + id.str();
    }
    return line + " for " + question->msg_id.str();
  }
  const auto& drop = std::get<CountedDrop>(effect);
  return "drop " + drop.msg_id.str() + ": " + std::string(drop_reason_text(drop.reason));
}

}  // namespace trireme
