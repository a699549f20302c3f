// Keeps what a cell shows, and answers its questions.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// Thread-safe.
class RecordingSink final : public CellSink {
 public:
  void write_out(std::string_view text) override { append(out_, text); }
  void write_err(std::string_view text) override { append(err_, text); }
  void display(CellDisplay display) override {
    const std::lock_guard lock(mutex_);
    displays_.push_back(std::move(display));
    changed_.notify_all();
  }
  void clear_output(bool) override {
    const std::lock_guard lock(mutex_);
    ++clears_;
  }
  Result<std::string> request_input(std::string_view prompt, bool is_password) override {
    const std::lock_guard lock(mutex_);
    prompts_.push_back(std::string(prompt) + (is_password ? " (password)" : ""));
    if (!answer_) return Error{ErrorCode::kPermission, "There is nobody to ask."};
    return *answer_;
  }

  void answer_with(std::string line) { answer_ = std::move(line); }
  std::string out() const { return copy(out_); }
  std::string err() const { return copy(err_); }
  std::vector<CellDisplay> displays() const { return copy(displays_); }
  std::vector<std::string> prompts() const { return copy(prompts_); }
  int clears() const { return copy(clears_); }

  /// False when `text` has not come on standard output within a minute.
  bool wait_for_out(std::string_view text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60),
                             [&] { return out_.find(text) != std::string::npos; });
  }

 private:
  void append(std::string& to, std::string_view text) {
    const std::lock_guard lock(mutex_);
    to += text;
    changed_.notify_all();
  }
  template <class T>
  T copy(const T& from) const {
    const std::lock_guard lock(mutex_);
    return from;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_, err_;
  std::vector<CellDisplay> displays_;
  std::vector<std::string> prompts_;
  std::optional<std::string> answer_;
  int clears_ = 0;
};

/// A name space like the engine's, without its lock.
class PlainNameSpace final : public NameSpace {
 public:
  std::optional<Value> get(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }
  void set(std::string name, Value value) override {
    values_.insert_or_assign(std::move(name), std::move(value));
  }
  bool erase(std::string_view name) override {
    const auto found = values_.find(name);
    if (found == values_.end()) return false;
    values_.erase(found);
    return true;
  }
  std::vector<std::string> keys() const override {
    std::vector<std::string> names;
    for (const auto& [name, value] : values_) names.push_back(name);
    return names;
  }
  void clear() override { values_.clear(); }

 private:
  Dict values_;
};

}  // namespace trireme
