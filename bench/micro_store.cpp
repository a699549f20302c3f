// What recording one task costs: submission, assignment and end, in groups as the record keeper
// makes them.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "bench/traffic.hpp"
#include "controller/task_log.hpp"
#include "db/memory_store.hpp"
#include "db/sqlite_store.hpp"

namespace trireme::bench {
namespace {

// The changes of a task's whole life.
class TaskLives {
 public:
  void append(std::uint64_t number, std::vector<RecordChange>& changes) {
    const EngineUuid engine(Traffic::engine(number % 4));
    const Message request = *wire_.decode(traffic_.request(number), Wire::Replays::kAllow);
    const Message reply =
        *wire_.decode(traffic_.reply(number, engine.str()), Wire::Replays::kAllow);
    changes.push_back(submitted_from(request, TaskQueue::kTask));
    changes.push_back(TaskAssigned{request.header.msg_id, engine, Timestamp{}});
    TaskFinished finished = finished_from(request.header.msg_id, reply, Timestamp{});
    finished.engine = engine;
    changes.push_back(std::move(finished));
  }

 private:
  Traffic traffic_;
  Wire wire_ = bench_wire();
};

void store_groups(benchmark::State& state, TaskStore& store) {
  const auto group = static_cast<std::uint64_t>(state.range(0));
  TaskLives lives;
  std::uint64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<RecordChange> changes;
    for (std::uint64_t i = 0; i < group; ++i) lives.append(number++, changes);
    state.ResumeTiming();
    if (const Result<void> stored = store.apply(changes); !stored) {
      state.SkipWithError(stored.error().text.c_str());
      return;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
}

// Argument: tasks in a group.
void StoreTasksInSqlite(benchmark::State& state) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("micro-store-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  {
    auto store = SqliteStore::open(folder / "trireme.db");
    if (store) {
      store_groups(state, **store);
    } else {
      state.SkipWithError(store.error().text.c_str());
    }
  }
  fs::remove_all(folder);
}
BENCHMARK(StoreTasksInSqlite)->Arg(1)->Arg(16)->Arg(256);

void StoreTasksInMemory(benchmark::State& state) {
  MemoryStore store(MemoryStoreLimits{});
  store_groups(state, store);
}
BENCHMARK(StoreTasksInMemory)->Arg(256);

}  // namespace
}  // namespace trireme::bench
