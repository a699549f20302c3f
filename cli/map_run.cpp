#include "cli/map_run.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace trireme::cli {
namespace {

constexpr std::chrono::milliseconds kLookInterval{100};
/// Outcomes that wait for a slow earlier one are held in memory: at most so many windows of them.
constexpr std::size_t kWindowsHeld = 16;

/// Indexes of tasks that have ended, put in by the client's thread and taken out by ours.
class Endings {
 public:
  void add(std::size_t index) {
    const std::lock_guard lock(mutex_);
    ended_.push_back(index);
    wake_.notify_one();
  }

  std::vector<std::size_t> take(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, limit, [this] { return !ended_.empty(); });
    return std::exchange(ended_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::size_t> ended_;  // guarded by mutex_
};

/// One map under way.
class Runner {
 public:
  explicit Runner(const MapRun& run) : run_(run), order_(run.ordered) {}

  MapCounts run_to_end() {
    while (!is_over()) {
      begin_more();
      for (const std::size_t index : endings_->take(kLookInterval)) end_one(index);
      show_ready();
      if (run_.interrupted() && !interrupted_) stop_everything();
      run_.draw(counts_);
    }
    counts_.skipped = run_.count - counts_.ok - counts_.failed;
    return counts_;
  }

 private:
  bool is_over() const { return under_way_.empty() && (stopping_ || begun_ == run_.count); }

  void begin_more() {
    const std::size_t held_max = run_.window * kWindowsHeld;
    while (!stopping_ && begun_ < run_.count && under_way_.size() < run_.window &&
           begun_ - counts_.done() < held_max) {
      const std::size_t index = begun_++;
      AsyncResult<Value> task = run_.submit(index);
      task.on_ready([endings = endings_, index] { endings->add(index); });
      under_way_.emplace(index, std::move(task));
    }
  }

  void end_one(std::size_t index) {
    const auto found = under_way_.find(index);
    CommandEnd end = read_end(found->second);
    under_way_.erase(found);
    if (end.aborted) {
      ++counts_.skipped;
    } else {
      ++(end.ok() ? counts_.ok : counts_.failed);
      if (!end.ok() && !run_.keep_going) stop_beginning();
    }
    order_.add({index, std::move(end)});
  }

  void show_ready() {
    while (const std::optional<MapOutcome> outcome = order_.next()) {
      if (!outcome->end.aborted) run_.show(*outcome);
    }
  }

  void stop_beginning() {
    if (stopping_) return;
    stopping_ = true;
    for (const auto& [index, task] : under_way_) task.abort();
  }

  void stop_everything() {
    stopping_ = true;
    interrupted_ = true;
    std::vector<std::string> ids;
    for (const auto& [index, task] : under_way_) ids.push_back(task.msg_ids().front());
    run_.cancel(ids);
  }

  const MapRun& run_;
  OutcomeOrder order_;
  std::shared_ptr<Endings> endings_ = std::make_shared<Endings>();
  std::map<std::size_t, AsyncResult<Value>> under_way_;
  MapCounts counts_;
  std::size_t begun_ = 0;
  bool stopping_ = false;
  bool interrupted_ = false;
};

}  // namespace

void OutcomeOrder::add(MapOutcome outcome) {
  const std::size_t index = outcome.index;
  held_.emplace(index, std::move(outcome));
}

std::optional<MapOutcome> OutcomeOrder::next() {
  if (held_.empty()) return std::nullopt;
  const auto first = held_.begin();
  if (ordered_ && first->first != next_index_) return std::nullopt;
  MapOutcome outcome = std::move(first->second);
  held_.erase(first);
  ++next_index_;
  return outcome;
}

MapCounts run_map(const MapRun& run) { return Runner(run).run_to_end(); }

}  // namespace trireme::cli
