// The dull part of running a core.
#include "tests/support/core_runner.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <utility>

namespace trireme::testing {

CoreRunner::CoreRunner(ControllerCore::Options options, TaskStore& store, std::uint64_t seed,
                       std::string_view key)
    : store_(store), options_(std::move(options)), seed_(seed), key_(key) {
  begin();
}

void CoreRunner::begin() {
  core_.emplace(options_, make_test_wire(key_),
                MessageFactory(SessionId("controller"), "tester", std::to_string(++lives_)),
                std::mt19937_64(seed_));
}

void CoreRunner::crash_and_restart(Now now) {
  sent_.clear();
  questions.clear();
  outbox_ = Outbox();
  begin();
  if (!saved_engines.empty()) {
    EXPECT_TRUE(core_->restore(saved_engines, now, outbox_).has_value());
  }
  const auto unfinished = parse_query(R"({"completed": null, "header": {"$ne": null}})");
  const auto records = store_.find(*unfinished, Columns::all());
  core_->restore_tasks(*records, now, outbox_);
  const std::vector<MsgId> gathered = core_->gathered_with(*records);
  const auto parts = store_.find(Query::with_ids(gathered), Columns::all());
  core_->restore_gatherings(*parts, now, outbox_);
  flush();
  start(now);
}

void CoreRunner::client_away(Channel channel, Frames frames, Now /*now*/) {
  core_->on_client_away(channel, std::move(frames), outbox_);
  flush();
}

void CoreRunner::start(Now now) {
  core_->start(now);
  wake(now);
}

void CoreRunner::receive(Channel channel, Frames frames, Now now) {
  core_->on_frames(channel, std::move(frames), now, outbox_);
  flush();
}

void CoreRunner::wake(Now now) {
  core_->on_deadline(now, outbox_);
  flush();
}

void CoreRunner::answer(StoreAnswer store_answer, Now now) {
  core_->on_store_answer(std::move(store_answer), now, outbox_);
  flush();
}

Result<void> CoreRunner::restore(std::string_view engines_json, Now now) {
  Result<void> restored = core_->restore(engines_json, now, outbox_);
  flush();
  return restored;
}

std::vector<SentFrames> CoreRunner::take_sent() { return std::exchange(sent_, {}); }

void CoreRunner::flush() {
  for (auto& item : outbox_.outgoing) {
    if (auto* frames = std::get_if<OutgoingFrames>(&item)) {
      sent_.push_back({frames->channel, std::move(frames->frames)});
    } else {
      const auto& message = std::get<OutgoingMessage>(item);
      sent_.push_back({message.channel, core_->encode(message.message)});
    }
  }
  outbox_.outgoing.clear();
  if (!outbox_.records.empty()) {
    const Result<void> applied = store_.apply(outbox_.records);
    EXPECT_TRUE(applied.has_value()) << applied.error().text;
    outbox_.records.clear();
  }
  std::move(outbox_.questions.begin(), outbox_.questions.end(), std::back_inserter(questions));
  outbox_.questions.clear();
  std::move(outbox_.log_lines.begin(), outbox_.log_lines.end(), std::back_inserter(log_lines));
  outbox_.log_lines.clear();
  EXPECT_TRUE(outbox_.engine_changes.empty()) << "the core leaves engine changes unsettled";
  EXPECT_TRUE(outbox_.internal_tasks.empty()) << "the core leaves internal tasks unsubmitted";
  if (std::exchange(outbox_.engines_changed, false)) saved_engines = core_->engines_json();
  stop_requested = stop_requested || std::exchange(outbox_.stop_requested, false);
}

}  // namespace trireme::testing
