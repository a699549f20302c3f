// The client of a chaos run: works through a plan, journals what it submits and what it gets, and
// can go on where a killed predecessor stopped.
//
// usage: chaos_client PLAN JOURNAL CONNECTION-FILE FOLDER WINDOW
// A line of the plan: index kind milliseconds retries either dependency,dependency,...
// The journal: "S index msg_id", "R index ok value", "R index error ename", "T index" for a result
// that came twice.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <trireme/client.hpp>

#include "tests/chaos/chaos_tasks.hpp"

namespace {

using Call = trireme::AsyncResult<std::int64_t>;

struct PlannedTask {
  std::int64_t index = 0;
  bool fails_first = false;
  double seconds = 0;
  int retries = 0;
  bool either = false;  // runs whichever way its dependencies end
  std::vector<std::int64_t> after;
};

std::vector<PlannedTask> read_plan(const char* file) {
  std::vector<PlannedTask> plan;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    PlannedTask task;
    std::string kind;
    std::string list;
    int milliseconds = 0;
    words >> task.index >> kind >> milliseconds >> task.retries >> task.either >> list;
    task.fails_first = kind == "flaky";
    task.seconds = milliseconds / 1000.0;
    std::istringstream ids(list);
    for (std::string id; std::getline(ids, id, ',');) {
      if (id != "-") task.after.push_back(std::stoll(id));
    }
    plan.push_back(std::move(task));
  }
  return plan;
}

/// What was submitted and what came back, on disk before anything else happens.
class Journal {
 public:
  explicit Journal(const char* file) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) {
      std::istringstream words(line);
      std::string what;
      std::int64_t index = 0;
      std::string id;
      words >> what >> index >> id;
      if (what == "S" && !id.empty()) submitted[index] = id;
      if (what == "R" && !id.empty()) finished.insert(index);
    }
    file_ = std::fopen(file, "a");
    if (file_ == nullptr) std::exit(2);
    std::fputs("\n", file_);  // a predecessor may have died in the middle of a line
  }
  void write(const std::string& line) {
    std::fputs((line + "\n").c_str(), file_);
    std::fflush(file_);
  }

  std::map<std::int64_t, std::string> submitted;
  std::set<std::int64_t> finished;

 private:
  std::FILE* file_;
};

class Run {
 public:
  Run(Journal& journal, const trireme::Client& client) : journal_(journal), client_(client) {}

  void submit(const PlannedTask& task, const std::string& folder) {
    trireme::TaskDependency after;
    for (const std::int64_t index : task.after) after.add(journal_.submitted.at(index));
    trireme::TaskOptions options;
    options.after = task.either ? after.on_either() : after;
    options.retries = task.retries;
    const Call call = client_.load_balanced_view().with(options).apply(
        chaos::kWork, task.index, task.seconds, task.fails_first, folder);
    journal_.submitted[task.index] = call.msg_ids().front();
    journal_.write("S " + std::to_string(task.index) + " " + call.msg_ids().front());
    watch(task.index, call);
  }

  /// Waits for a task that a predecessor submitted.
  void resume(std::int64_t index) {
    resumed_.emplace(index, client_.get_result<std::int64_t>({journal_.submitted.at(index)}));
    resumed_.at(index).on_ready([this, index] { put(index); });
  }

  /// Takes results until no more than this many tasks are out.
  void drain(std::size_t outstanding_max) {
    while (calls_.size() + resumed_.size() > outstanding_max) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !ready_.empty(); });
      const std::int64_t index = ready_.front();
      ready_.pop_front();
      lock.unlock();
      take(index);
    }
  }

 private:
  void watch(std::int64_t index, const Call& call) {
    calls_.emplace(index, call);
    call.on_ready([this, index] { put(index); });
  }
  void put(std::int64_t index) {
    const std::lock_guard lock(mutex_);
    ready_.push_back(index);
    changed_.notify_one();
  }
  void take(std::int64_t index) {
    const std::string prefix = "R " + std::to_string(index);
    if (!journal_.finished.insert(index).second) {
      journal_.write("T " + std::to_string(index));
      return;
    }
    try {
      const std::int64_t value =
          calls_.contains(index) ? calls_.at(index).get() : resumed_.at(index).get().at(0);
      journal_.write(prefix + " ok " + std::to_string(value));
    } catch (const trireme::RemoteError& error) {
      journal_.write(prefix + " error " + error.ename() + " " + error.evalue());
    } catch (const std::exception& error) {
      journal_.write(prefix + " error client " + error.what());
    }
    calls_.erase(index);
    resumed_.erase(index);
  }

  Journal& journal_;
  const trireme::Client& client_;
  std::map<std::int64_t, Call> calls_;
  std::map<std::int64_t, trireme::AsyncResults<std::int64_t>> resumed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::int64_t> ready_;  // guarded by mutex_
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::vector<PlannedTask> plan = read_plan(argv[1]);
  Journal journal(argv[2]);
  const auto window = static_cast<std::size_t>(std::atoi(argv[5]));
  try {
    trireme::ClientOptions options;
    options.connection_file = argv[3];
    options.timeout = std::chrono::minutes(2);
    options.query_timeout = std::chrono::minutes(2);
    const trireme::Client client(options);
    Run run(journal, client);
    // What died with a predecessor before it was sent is submitted again.
    std::set<std::string> known;
    if (!journal.submitted.empty()) {
      for (std::string& id : client.hub_history()) known.insert(std::move(id));
    }
    for (const PlannedTask& task : plan) {
      if (journal.finished.contains(task.index)) continue;
      run.drain(window - 1);
      const auto submitted = journal.submitted.find(task.index);
      if (submitted != journal.submitted.end() && known.contains(submitted->second)) {
        run.resume(task.index);
      } else {
        run.submit(task, argv[4]);
      }
    }
    run.drain(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chaos_client: %s\n", error.what());
    return 1;
  }
  return 0;
}
