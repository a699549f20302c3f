// Random events go to the scheduler and to its naive twin; after each, both must agree.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>

#include "controller/scheduler/task_scheduler.hpp"
#include "tests/model/naive_scheduler.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

/// Drives both with the same events; the seed decides everything.
class Twins {
 public:
  explicit Twins(std::uint64_t seed)
      : random_(seed),
        options_(draw_options()),
        real_(options_, std::mt19937_64(seed + 1)),
        naive_(options_) {}

  void step() {
    const auto kind = draw(100);
    if (kind < 30) {
      submit();
    } else if (kind < 65) {
      reply();
    } else if (kind < 72) {
      join();
    } else if (kind < 76) {
      leave();
    } else if (kind < 85) {
      answer();
    } else if (kind < 88) {
      cancel();
    } else {
      pass_time();
    }
    compare();
  }

  /// Ends the run: no engine is lost any more, everything is answered; all tasks must end.
  void drain() {
    for (int round = 0; real_.live_count() > 0 && round < 5000 && !testing::Test::HasFailure();
         ++round) {
      if (round % 50 == 0) {
        join();
      } else if (!naive_.checking().empty()) {
        answer(naive_.checking().front());
      } else if (!naive_.running().empty()) {
        const NaiveScheduler::Assignment done = naive_.running().front();
        reply(done.engine, done.id, {});
      } else if (!naive_.waiting().empty()) {
        cancel(naive_.waiting().front());
      }
      compare();
    }
    EXPECT_EQ(real_.live_count(), 0u) << real_.describe();
  }

  std::string history() const {
    std::string text;
    for (const std::string& event : events_) text += event + "\n";
    return text;
  }

 private:
  std::size_t draw(std::size_t count) { return random_() % count; }
  bool chance(unsigned percent) { return draw(100) < percent; }

  SchedulerOptions draw_options() {
    SchedulerOptions options;
    options.scheme = kSchemeNames[draw(kSchemeNames.size())].scheme;
    if (chance(50)) options.scheme = Scheme::kLeastLoad;
    options.hwm = static_cast<std::uint32_t>(draw(4));
    options.engine_grace = milliseconds(draw(40));
    options.outcomes_remembered = chance(50) ? 1 + draw(6) : 1000;
    return options;
  }

  std::string some_engine() { return "e" + std::to_string(draw(6)); }

  /// Mostly ids of late, sometimes ones that never were.
  std::string some_id() {
    if (chance(3)) return "nobody";
    return "t" + std::to_string(submitted_ - std::min<std::size_t>(submitted_, draw(12)));
  }

  Dependency some_dependency() {
    Dependency dependency;
    dependency.all = chance(60);
    dependency.success = chance(85);
    dependency.failure = chance(35);
    std::set<MsgId> ids;
    for (std::size_t count = 1 + draw(3); count > 0; --count) ids.insert(MsgId(some_id()));
    dependency.ids.assign(ids.begin(), ids.end());
    return dependency;
  }

  void submit() {
    if (!chance(4)) ++submitted_;  // else an id seen before
    TaskSubmission request;
    request.msg_id = MsgId("t" + std::to_string(submitted_));
    if (chance(3)) request.msg_id = MsgId(some_id());
    TaskTerms& terms = request.terms;
    if (chance(25)) terms.after = some_dependency();
    if (chance(20)) terms.follow = some_dependency();
    if (chance(30)) terms.timeout = milliseconds(draw(60));
    if (chance(40)) terms.retries = static_cast<std::uint32_t>(draw(4));
    if (chance(30)) {
      std::set<EngineUuid> targets;
      for (std::size_t count = 1 + draw(3); count > 0; --count) {
        targets.insert(EngineUuid(some_engine()));
      }
      terms.targets.assign(targets.begin(), targets.end());
    }
    events_.push_back("submit " + text_of(request));
    naive_.submit(request, now_);
    real_.on_submit(std::move(request), now_, out_);
  }

  void reply() {
    const std::vector<NaiveScheduler::Assignment> running = naive_.running();
    ReplyTerms terms;
    if (chance(35)) terms.status = chance(80) ? ReplyStatus::kError : ReplyStatus::kAborted;
    if (chance(12)) terms.dependencies_met = false;
    if (running.empty() || chance(4)) return reply(some_engine(), some_id(), terms);
    const NaiveScheduler::Assignment& chosen = running[draw(running.size())];
    reply(chosen.engine, chosen.id, terms);
  }

  void reply(const std::string& engine, const std::string& id, const ReplyTerms& terms) {
    events_.push_back("reply to " + id + " from " + engine + " status " +
                      std::to_string(static_cast<int>(terms.status)) +
                      (terms.dependencies_met ? "" : " refused"));
    naive_.reply(engine, id, terms, now_);
    real_.on_reply(EngineUuid(engine), MsgId(id), terms, {}, now_, out_);
  }

  void join() {
    const std::string engine = some_engine();
    events_.push_back("join " + engine);
    naive_.join(engine);
    real_.on_engine_joined(EngineUuid(engine), now_, out_);
  }

  void leave() {
    const std::string engine = some_engine();
    events_.push_back("leave " + engine);
    naive_.leave(engine, now_);
    real_.on_engine_left(EngineUuid(engine), now_, out_);
  }

  void answer() {
    const std::vector<std::string> checking = naive_.checking();
    if (!checking.empty()) answer(checking[draw(checking.size())]);
  }

  void answer(const std::string& id) {
    std::vector<PastOutcome> known = naive_.stored(id);
    std::shuffle(known.begin(), known.end(), random_);
    events_.push_back("answer for " + id + " with " + std::to_string(known.size()));
    naive_.outcomes(id, known);
    real_.on_outcomes(MsgId(id), known, now_, out_);
  }

  void cancel() { cancel(some_id()); }

  void cancel(const std::string& id) {
    events_.push_back("cancel " + id);
    EXPECT_EQ(real_.cancel(MsgId(id), now_, out_), naive_.cancel(id));
  }

  void pass_time() {
    now_ += milliseconds(draw(25));
    events_.push_back("now " + std::to_string(now_.time_since_epoch().count() / 1000000));
    naive_.deadline(now_);
    real_.on_deadline(now_, out_);
  }

  static std::string text_of(const TaskSubmission& request) {
    std::string text = request.msg_id.str();
    const TaskTerms& terms = request.terms;
    for (const auto& [name, dependency] :
         {std::pair{" after", &terms.after}, std::pair{" follow", &terms.follow}}) {
      if (dependency->ids.empty()) continue;
      text += std::string(name) + (dependency->all ? " all" : " any") +
              (dependency->success ? " ok" : "") + (dependency->failure ? " failed" : "");
      for (const MsgId& id : dependency->ids) text += " " + id.str();
    }
    for (const EngineUuid& target : terms.targets) text += " on " + target.str();
    if (terms.retries > 0) text += " retries " + std::to_string(terms.retries);
    if (terms.timeout) text += " timeout " + std::to_string(terms.timeout->count() / 1000000);
    return text;
  }

  /// The effects of the real one in the twin's words, runs apart.
  std::vector<std::string> take_lines(std::vector<NaiveScheduler::Assignment>& runs,
                                      std::vector<std::string>& endings) {
    static constexpr std::array<const char*, kDropReasonCount> kDrops{
        "duplicate of a live task", "duplicate of an ended task", "late", "unknown", "foreign"};
    std::vector<std::string> lines;
    for (const SchedulerEffect& effect : out_.effects) {
      if (const auto* run = std::get_if<RunTask>(&effect)) {
        runs.push_back({run->task->msg_id.str(), run->engine->str()});
      } else if (const auto* delivery = std::get_if<DeliverReply>(&effect)) {
        endings.push_back(delivery->msg_id.str());
        lines.push_back("deliver " + delivery->msg_id.str() + " from " + delivery->engine.str() +
                        (delivery->ended_ok ? ": ok" : ": failed"));
      } else if (const auto* failure = std::get_if<FailTask>(&effect)) {
        endings.push_back(failure->msg_id.str());
        lines.push_back("fail " + failure->msg_id.str() + ": " +
                        std::string(wire_name(failure->reason)));
      } else if (const auto* question = std::get_if<LookUpOutcomes>(&effect)) {
        std::string line = "look up";
        for (const MsgId& id : question->ids) line += " " + id.str();
        lines.push_back(line + " for " + question->msg_id.str());
      } else if (const auto* drop = std::get_if<CountedDrop>(&effect)) {
        lines.push_back("drop " + drop->msg_id.str() + ": " +
                        kDrops[static_cast<std::size_t>(drop->reason)]);
      }
    }
    return lines;
  }

  void compare() {
    real_.check_invariants();
    std::vector<NaiveScheduler::Assignment> runs;
    std::vector<std::string> endings;
    std::vector<std::string> lines = take_lines(runs, endings);
    std::vector<std::string> expected = naive_.take_lines();
    std::sort(lines.begin(), lines.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(lines, expected);
    naive_.note_order_of_endings(endings);
    for (const auto& [id, engine] : runs) {
      ASSERT_EQ(id, naive_.next_to_run().value_or("nothing"));
      const std::set<std::string> legal = naive_.legal_engines(id);
      ASSERT_TRUE(legal.contains(engine))
          << id << " went to " << engine << ", not to " << testing::PrintToString(legal);
      naive_.run(id, engine);
    }
    out_.effects.clear();
    ASSERT_EQ(naive_.next_to_run().value_or("nothing"), "nothing");
    ASSERT_EQ(real_.next_deadline(), naive_.next_deadline());
    std::vector<std::string> waiting;
    for (const MsgId& id : real_.waiting_ids()) waiting.push_back(id.str());
    ASSERT_EQ(waiting, naive_.waiting());
  }

  std::mt19937_64 random_;
  SchedulerOptions options_;
  TaskScheduler real_;
  NaiveScheduler naive_;
  SchedulerOutbox out_;
  Instant now_{};
  std::size_t submitted_ = 0;
  std::vector<std::string> events_;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// TRIREME_MODEL_SEEDS sets how many seeds are tried, TRIREME_MODEL_FIRST_SEED where to begin.
TEST(SchedulerModel, SchedulerAndNaiveTwinAgree) {
  const std::uint64_t first = number_from_environment("TRIREME_MODEL_FIRST_SEED", 1);
  const std::uint64_t seeds = number_from_environment("TRIREME_MODEL_SEEDS", 150);
  constexpr int kSteps = 250;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Twins twins(seed);
    for (int step = 0; step < kSteps && !HasFailure(); ++step) twins.step();
    if (!HasFailure()) twins.drain();
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", after these events:\n" << twins.history();
  }
}

}  // namespace
}  // namespace trireme
