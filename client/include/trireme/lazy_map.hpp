// A map over any input, also an endless one, that never runs far ahead of its reader.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <trireme/async_result.hpp>
#include <trireme/value_traits.hpp>

namespace trireme {

struct LazyMapOptions {
  /// Tasks that may be under way or waiting to be read at once.
  std::size_t window = 64;
  /// Results in the order of the inputs, or as tasks end.
  bool ordered = true;
};

/// The untyped part: hands out tasks and takes results. Not thread-safe.
class LazyMapCore {
 public:
  using Inputs = std::function<std::optional<List>()>;
  using Submit = std::function<AsyncResult<Value>(List)>;

  LazyMapCore(Inputs inputs, Submit submit, LazyMapOptions options);
  LazyMapCore(LazyMapCore&&) noexcept;
  LazyMapCore& operator=(LazyMapCore&&) noexcept;
  ~LazyMapCore();

  /// The next result; empty after the last. Waits; throws what became of a task that failed, after
  /// which the following results can still be read.
  std::optional<Value> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Results of a lazy map, read once, by one thread: `for (const R& result : map)` or next().
template <class R>
class LazyMap {
 public:
  explicit LazyMap(LazyMapCore core) : core_(std::move(core)) {}

  std::optional<R> next() {
    const std::optional<Value> value = core_.next();
    if (!value.has_value()) return std::nullopt;
    return from_value<R>(*value);
  }

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = R;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(LazyMap* map) : map_(map), current_(map->next()) {}
    const R& operator*() const { return *current_; }
    Iterator& operator++() {
      current_ = map_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) {
      return !iterator.current_.has_value();
    }

   private:
    LazyMap* map_;
    std::optional<R> current_;
  };

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  LazyMapCore core_;
};

}  // namespace trireme
