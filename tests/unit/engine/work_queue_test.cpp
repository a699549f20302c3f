// Requests start in order, as many at once as there are slots, and aborted ones do not start.
#include "engine/work_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/unit/engine/engine_fixture.hpp"

namespace trireme {
namespace {

TaskRequest request(const std::string& id, bool execute = false) {
  TaskRequest request;
  request.message.header.msg_id = MsgId(id);
  request.kind = execute ? TaskRequest::Kind::kExecute : TaskRequest::Kind::kApply;
  return request;
}

WorkQueue::Admission admit(WorkQueue& queue, const std::string& id, bool execute = false) {
  TaskRequest each = request(id, execute);
  return queue.admit(each);
}

std::string id_of(const std::optional<WorkQueue::Start>& start) {
  return start ? start->request->id().str() : "none";
}

TEST(WorkQueueTest, RequestsStartInTheOrderTheyCame) {
  WorkQueue queue(1);
  for (const char* id : {"a", "b", "c"}) admit(queue, id);
  for (const char* id : {"a", "b", "c"}) {
    const auto start = queue.start_next();
    ASSERT_EQ(id_of(start), id);
    EXPECT_FALSE(queue.start_next().has_value()) << "one at a time";
    EXPECT_EQ(queue.finish(start->run)->id().str(), id);
  }
  queue.check_invariants();
}

TEST(WorkQueueTest, AsManyRunAtOnceAsThereAreSlots) {
  WorkQueue queue(3);
  for (const char* id : {"a", "b", "c", "d"}) admit(queue, id);
  const auto first = queue.start_next();
  queue.start_next();
  queue.start_next();
  EXPECT_EQ(queue.running_count(), 3u);
  EXPECT_FALSE(queue.start_next().has_value());
  queue.finish(first->run);
  EXPECT_EQ(id_of(queue.start_next()), "d");
  queue.check_invariants();
}

TEST(WorkQueueTest, AWaitingRequestIsTakenOutByItsAbort) {
  WorkQueue queue(1);
  for (const char* id : {"a", "b", "c"}) admit(queue, id);
  const WorkQueue::Abort aborted = queue.abort(MsgId("b"));
  ASSERT_TRUE(aborted.waiting.has_value());
  EXPECT_EQ(aborted.waiting->id().str(), "b");
  EXPECT_FALSE(aborted.running.has_value());
  queue.finish(queue.start_next()->run);
  EXPECT_EQ(id_of(queue.start_next()), "c");
}

TEST(WorkQueueTest, ARunningRequestIsNamedByItsAbortAndKept) {
  WorkQueue queue(1);
  admit(queue, "a");
  const auto start = queue.start_next();
  const WorkQueue::Abort aborted = queue.abort(MsgId("a"));
  EXPECT_FALSE(aborted.waiting.has_value());
  EXPECT_EQ(aborted.running, start->run);
  EXPECT_NE(queue.running(start->run), nullptr);
}

TEST(WorkQueueTest, AnAbortThatOvertakesItsRequestWorksOnce) {
  WorkQueue queue(1);
  queue.abort(MsgId("a"));
  EXPECT_EQ(admit(queue, "a"), WorkQueue::Admission::kAborted);
  EXPECT_EQ(admit(queue, "a"), WorkQueue::Admission::kWaiting);
}

TEST(WorkQueueTest, ARequestThatComesAgainIsQueuedOnce) {
  WorkQueue queue(1);
  admit(queue, "a");
  TaskRequest again = request("a");
  again.message.identities = {Frame::copy_of("new route")};
  EXPECT_EQ(queue.admit(again), WorkQueue::Admission::kKnown);
  EXPECT_EQ(queue.waiting_count(), 1u);
  const auto start = queue.start_next();
  EXPECT_EQ(start->request->message.identities, again.message.identities);
  EXPECT_EQ(queue.admit(again), WorkQueue::Admission::kRunning);
  EXPECT_EQ(queue.run_of(MsgId("a")), start->run);
  queue.finish(start->run);
  EXPECT_EQ(queue.run_of(MsgId("a")), std::nullopt);
  EXPECT_EQ(queue.waiting_count(), 0u);
  queue.check_invariants();
}

TEST(WorkQueueTest, OnlyTheLatestEarlyAbortsAreRemembered) {
  WorkQueue queue(1);
  for (std::size_t i = 0; i <= WorkQueue::kEarlyAbortsMax; ++i) {
    queue.abort(MsgId(std::to_string(i)));
  }
  queue.check_invariants();
  EXPECT_EQ(admit(queue, "0"), WorkQueue::Admission::kWaiting);
  EXPECT_EQ(admit(queue, "1"), WorkQueue::Admission::kAborted);
}

TEST(WorkQueueTest, OnlyExecutesAreTakenWhenExecutesAreTaken) {
  WorkQueue queue(1);
  admit(queue, "a", true);
  admit(queue, "b", false);
  admit(queue, "c", true);
  const auto taken = queue.take_waiting_executes();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].id().str(), "a");
  EXPECT_EQ(taken[1].id().str(), "c");
  EXPECT_EQ(id_of(queue.start_next()), "b");
  queue.check_invariants();
}

TEST(WorkQueueTest, AnUnknownRunFinishesNothing) {
  WorkQueue queue(1);
  EXPECT_FALSE(queue.finish(RunNumber{7}).has_value());
}

/// The same rules, slow and obvious.
struct NaiveQueue {
  std::size_t slots;
  std::vector<std::string> waiting;
  std::vector<std::pair<RunNumber, std::string>> running;
  std::vector<std::string> early;

  bool runs(const std::string& id) const {
    return std::any_of(running.begin(), running.end(),
                       [&](const auto& run) { return run.second == id; });
  }
  bool admit(const std::string& id) {
    const auto found = std::find(early.begin(), early.end(), id);
    if (found != early.end()) {
      early.erase(found);
      return false;
    }
    if (runs(id) || std::find(waiting.begin(), waiting.end(), id) != waiting.end()) return false;
    waiting.push_back(id);
    return true;
  }
  std::string start() {
    if (waiting.empty() || running.size() >= slots) return "none";
    const std::string id = waiting.front();
    waiting.erase(waiting.begin());
    return id;
  }
  std::size_t abort(const std::string& id) {
    const auto removed = std::erase(waiting, id);
    const bool known = std::find(early.begin(), early.end(), id) != early.end();
    if (removed == 0 && !runs(id) && !known) early.push_back(id);
    return removed;
  }
};

TEST(WorkQueueTest, RandomOperationsAgreeWithANaiveTwin) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const std::size_t slots = 1 + random() % 3;
    WorkQueue queue(slots);
    NaiveQueue naive{slots, {}, {}, {}};
    for (int step = 0; step < 300; ++step) {
      const std::string id = std::to_string(random() % 20);
      switch (random() % 4) {
        case 0:
          ASSERT_EQ(admit(queue, id) == WorkQueue::Admission::kWaiting, naive.admit(id));
          break;
        case 1: {
          const auto start = queue.start_next();
          ASSERT_EQ(id_of(start), naive.start());
          if (start) naive.running.emplace_back(start->run, id_of(start));
          break;
        }
        case 2:
          ASSERT_EQ(queue.abort(MsgId(id)).waiting.has_value(), naive.abort(id) > 0);
          break;
        default:
          if (!naive.running.empty()) {
            const auto ended = naive.running.begin() +
                               static_cast<std::ptrdiff_t>(random() % naive.running.size());
            ASSERT_EQ(queue.finish(ended->first)->id().str(), ended->second);
            naive.running.erase(ended);
          }
      }
      ASSERT_EQ(queue.waiting_count(), naive.waiting.size());
      ASSERT_EQ(queue.running_count(), naive.running.size());
      queue.check_invariants();
    }
  }
}

}  // namespace
}  // namespace trireme
