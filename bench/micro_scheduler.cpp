// What one task costs the scheduler: submission, assignment and reply, with few and many engines,
// an empty queue and one of 100,000 tasks.
#include <benchmark/benchmark.h>

#include "bench/traffic.hpp"
#include "controller/scheduler/task_scheduler.hpp"

namespace trireme::bench {
namespace {

// A scheduler whose engines are all busy, with `waiting` tasks in the queue.
class BusyQueue {
 public:
  BusyQueue(std::size_t engines, std::size_t waiting)
      : scheduler_(SchedulerOptions{}, std::mt19937_64(1)) {
    for (std::size_t i = 0; i < engines; ++i) {
      scheduler_.on_engine_joined(EngineUuid(Traffic::engine(i)), now_, out_);
    }
    for (std::size_t i = 0; i < engines + waiting; ++i) submit({});
  }

  void submit(TaskTerms terms) {
    TaskSubmission request;
    request.msg_id = traffic_.msg_id(submitted_++);
    request.client = RoutingId("12345");
    request.terms = std::move(terms);
    scheduler_.on_submit(std::move(request), now_, out_);
    note_runs();
  }

  /// The task that runs longest is answered.
  void finish() {
    const auto [engine, msg_id] = std::move(running_.front());
    running_.pop_front();
    scheduler_.on_reply(engine, msg_id, ReplyTerms{}, {}, now_, out_);
    note_runs();
  }

  std::uint64_t submitted() const { return submitted_; }
  const Traffic& traffic() const { return traffic_; }

 private:
  void note_runs() {
    for (const SchedulerEffect& effect : out_.effects) {
      if (const auto* run = std::get_if<RunTask>(&effect)) {
        running_.emplace_back(*run->engine, run->task->msg_id);
      }
    }
    out_.effects.clear();
  }

  Traffic traffic_;
  TaskScheduler scheduler_;
  SchedulerOutbox out_;
  Instant now_{};
  std::uint64_t submitted_ = 0;
  std::deque<std::pair<EngineUuid, MsgId>> running_;
};

// Arguments: engines, tasks waiting.
void SubmitAndReply(benchmark::State& state) {
  BusyQueue queue(static_cast<std::size_t>(state.range(0)),
                  static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    queue.submit({});
    queue.finish();
  }
}
BENCHMARK(SubmitAndReply)->Args({4, 0})->Args({1000, 0})->Args({4, 100'000})->Args({1000, 100'000});

// The same while 100,000 tasks wait for others that do not end.
void SubmitAndReplyBesideBlocked(benchmark::State& state) {
  BusyQueue queue(static_cast<std::size_t>(state.range(0)), 0);
  queue.submit({});  // stays in the queue: there is always one more submitted than finished
  TaskTerms terms;
  terms.after.ids = {queue.traffic().msg_id(queue.submitted() - 1)};
  for (int i = 0; i < 100'000; ++i) queue.submit(terms);
  for (auto _ : state) {
    queue.submit({});
    queue.finish();
  }
}
BENCHMARK(SubmitAndReplyBesideBlocked)->Arg(4)->Arg(1000);

// Each task waits for the one before it.
void SubmitAndReplyInChains(benchmark::State& state) {
  BusyQueue queue(100, 1000);
  for (auto _ : state) {
    TaskTerms terms;
    terms.after.ids = {queue.traffic().msg_id(queue.submitted() - 1000)};
    queue.submit(std::move(terms));
    queue.finish();
  }
}
BENCHMARK(SubmitAndReplyInChains);

}  // namespace
}  // namespace trireme::bench
