// What recording one task costs: submission, assignment and end, in groups as the record keeper
// makes them.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "bench/traffic.hpp"
#include "controller/hub/task_log.hpp"
#include "db/memory_store.hpp"
#include "db/sqlite_store.hpp"

namespace trireme::bench {
namespace {

namespace fs = std::filesystem;

// The changes of a task's whole life.
class TaskLives {
 public:
  void append(std::uint64_t number, std::vector<RecordChange>& changes) {
    const EngineUuid engine(Traffic::engine(number % 4));
    Message request = *wire_.decode(traffic_.request(number), Wire::Replays::kAllow);
    Message reply = *wire_.decode(traffic_.reply(number, engine.view()), Wire::Replays::kAllow);
    const MsgId id = request.header.msg_id;
    changes.push_back(submitted_from(std::move(request), TaskQueue::kTask));
    changes.push_back(TaskAssigned{id, engine, Timestamp{}});
    TaskFinished finished = finished_from(id, std::move(reply), Timestamp{});
    finished.engine = engine;
    changes.push_back(std::move(finished));
  }

 private:
  Traffic traffic_;
  Wire wire_ = bench_wire();
};

// Bytes that no other message has; nothing when they are to be as in the traffic.
void give_buffers(std::vector<RecordChange>& changes, std::size_t bytes, std::uint64_t& seed) {
  if (bytes == 0) return;
  for (RecordChange& change : changes) {
    std::string own(bytes, '.');
    ++seed;
    std::memcpy(own.data(), &seed, sizeof seed);
    if (auto* request = std::get_if<TaskSubmitted>(&change)) {
      request->buffers = {Frame(std::move(own))};
    } else if (auto* reply = std::get_if<TaskFinished>(&change)) {
      reply->buffers = {Frame(std::move(own))};
    }
  }
}

void store_groups(benchmark::State& state, TaskStore& store, std::size_t buffer_bytes = 0) {
  const auto group = static_cast<std::uint64_t>(state.range(0));
  TaskLives lives;
  std::uint64_t seed = 0;
  std::uint64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<RecordChange> changes;
    for (std::uint64_t i = 0; i < group; ++i) lives.append(number++, changes);
    give_buffers(changes, buffer_bytes, seed);
    state.ResumeTiming();
    if (const Result<void> stored = store.apply(changes); !stored) {
      state.SkipWithError(stored.error().text.c_str());
      return;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
}

void store_in_sqlite(benchmark::State& state, std::size_t buffer_bytes) {
  const fs::path folder = fs::temp_directory_path() / ("micro-store-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  {
    auto store = SqliteStore::open(folder / "trireme.db");
    if (store) {
      store_groups(state, **store, buffer_bytes);
    } else {
      state.SkipWithError(store.error().text.c_str());
    }
  }
  fs::remove_all(folder);
}

// Argument: tasks in a group.
void StoreTasksInSqlite(benchmark::State& state) { store_in_sqlite(state, 0); }
BENCHMARK(StoreTasksInSqlite)->Arg(1)->Arg(16)->Arg(256);

// Arguments: tasks in a group, and the size of the one buffer each way, different in every message.
void StoreLargeBuffersInSqlite(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(1));
  store_in_sqlite(state, bytes);
  state.SetBytesProcessed(state.items_processed() * 2 * static_cast<std::int64_t>(bytes));
}
BENCHMARK(StoreLargeBuffersInSqlite)
    ->ArgsProduct({{4}, {8 << 10, 64 << 10, 1 << 20}})
    ->Iterations(50);

// A file with a million tasks, of which every hundredth has not ended; made once.
class MillionTasks {
 public:
  MillionTasks()
      : folder_(fs::temp_directory_path() / ("micro-query-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    auto opened = SqliteStore::open(folder_ / "trireme.db");
    if (!opened) return;
    store_ = *std::move(opened);
    TaskLives lives;
    std::vector<RecordChange> changes;
    for (std::uint64_t number = 0; number < 1'000'000; ++number) {
      lives.append(number, changes);
      if (number % 100 == 0) changes.pop_back();
      if (changes.size() < 4096 && number + 1 < 1'000'000) continue;
      if (!store_->apply(changes)) store_.reset();
      if (!store_) return;
      changes.clear();
    }
  }
  ~MillionTasks() {
    store_.reset();
    fs::remove_all(folder_);
  }
  MillionTasks(const MillionTasks&) = delete;
  MillionTasks& operator=(const MillionTasks&) = delete;

  /// Null when it could not be made.
  static TaskStore* store() {
    static MillionTasks tasks;
    return tasks.store_.get();
  }

 private:
  fs::path folder_;
  std::unique_ptr<TaskStore> store_;
};

void find_in_million(benchmark::State& state, const char* query, const Columns& columns) {
  TaskStore* store = MillionTasks::store();
  if (store == nullptr) return state.SkipWithError("no store could be made");
  std::size_t found = 0;
  for (auto _ : state) found = store->find(*parse_query(query), columns)->size();
  state.counters["found"] = static_cast<double>(found);
}

void FindUnfinishedOfAMillion(benchmark::State& state) {
  find_in_million(state, R"({"completed": null, "header": {"$ne": null}})", Columns::all());
}
BENCHMARK(FindUnfinishedOfAMillion)->Unit(benchmark::kMillisecond);

void FindByDateInAMillion(benchmark::State& state) {
  find_in_million(state, R"({"submitted": {"$lt": "2001-01-01T00:00:00Z"}})", Columns::usual());
}
BENCHMARK(FindByDateInAMillion)->Unit(benchmark::kMillisecond);

void FindByEngineInAMillion(benchmark::State& state) {
  find_in_million(state, R"({"engine_uuid": "nobody"})", Columns::usual());
}
BENCHMARK(FindByEngineInAMillion)->Unit(benchmark::kMillisecond);

void HistoryOfAMillion(benchmark::State& state) {
  TaskStore* store = MillionTasks::store();
  if (store == nullptr) return state.SkipWithError("no store could be made");
  for (auto _ : state) benchmark::DoNotOptimize(store->history());
}
BENCHMARK(HistoryOfAMillion)->Unit(benchmark::kMillisecond);

void StoreTasksInMemory(benchmark::State& state) {
  MemoryStore store(MemoryStoreLimits{});
  store_groups(state, store);
}
BENCHMARK(StoreTasksInMemory)->Arg(256);

}  // namespace
}  // namespace trireme::bench
