#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include <trireme/lazy_map.hpp>

namespace trireme {
namespace {

/// Numbers of tasks that have ended, told by the client's thread.
class EndedTasks {
 public:
  void put(std::size_t number) {
    const std::lock_guard lock(mutex_);
    numbers_.push_back(number);
    some_.notify_one();
  }
  std::size_t take() {
    std::unique_lock lock(mutex_);
    some_.wait(lock, [&] { return !numbers_.empty(); });
    const std::size_t number = numbers_.front();
    numbers_.pop_front();
    return number;
  }

 private:
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::size_t> numbers_;  // guarded by mutex_
};

}  // namespace

struct LazyMapCore::State {
  Inputs inputs;
  Submit submit;
  LazyMapOptions options;
  bool inputs_left = true;
  std::size_t next_number = 0;
  std::map<std::size_t, AsyncResult<Value>> tasks;  // not read yet
  std::shared_ptr<EndedTasks> ended = std::make_shared<EndedTasks>();

  void fill() {
    while (inputs_left && tasks.size() < options.window) {
      std::optional<List> arguments = inputs();
      if (!arguments.has_value()) {
        inputs_left = false;
        return;
      }
      const std::size_t number = next_number++;
      AsyncResult<Value> task = submit(std::move(*arguments));
      tasks.emplace(number, task);
      if (!options.ordered) task.on_ready([ended = ended, number] { ended->put(number); });
    }
  }
};

LazyMapCore::LazyMapCore(Inputs inputs, Submit submit, LazyMapOptions options)
    : state_(std::make_unique<State>()) {
  if (options.window == 0) throw Exception("a lazy map needs a window of at least one task");
  state_->inputs = std::move(inputs);
  state_->submit = std::move(submit);
  state_->options = options;
}
LazyMapCore::LazyMapCore(LazyMapCore&&) noexcept = default;
LazyMapCore& LazyMapCore::operator=(LazyMapCore&&) noexcept = default;
LazyMapCore::~LazyMapCore() = default;

std::optional<Value> LazyMapCore::next() {
  state_->fill();
  if (state_->tasks.empty()) return std::nullopt;
  const std::size_t number =
      state_->options.ordered ? state_->tasks.begin()->first : state_->ended->take();
  const auto found = state_->tasks.find(number);
  const AsyncResult<Value> task = std::move(found->second);
  state_->tasks.erase(found);
  task.wait();
  state_->fill();  // before the failure of this task may be thrown
  return task.get();
}

}  // namespace trireme
