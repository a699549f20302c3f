// Failures as values: what the world or a peer did wrong is returned, what we did wrong is CHECKed.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "session/errors.hpp"

namespace trireme {

/// One failure: a code some caller may act on, and one sentence for a person that names the
/// thing and the mend.
struct Error {
  ErrorCode code;
  std::string text;
};

/// Either a value or an Error; the members are those of C++23's std::expected. Reading the side
/// that is not there is a bug of ours and ends the program (CHECK).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() &;
  const T& value() const&;
  T&& value() &&;
  const Error& error() const;

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: implicit

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  const Error& error() const;

 private:
  bool failed_ = false;
  Error error_{ErrorCode::kInternal, {}};
};

/// Ends the program with the place, the condition and the note: a promise of our own code broke,
/// and going on would spread the damage. Kept in release builds.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& note);

#define TRIREME_CHECK(condition, note)                                 \
  do {                                                                 \
    if (!(condition)) [[unlikely]]                                     \
      ::trireme::check_failed(__FILE__, __LINE__, #condition, (note)); \
  } while (false)

template <class T>
T& Result<T>::value() & {
  TRIREME_CHECK(has_value(), "value() of a failed Result: " + error().text);
  return std::get<0>(state_);
}
template <class T>
const T& Result<T>::value() const& {
  TRIREME_CHECK(has_value(), "value() of a failed Result: " + error().text);
  return std::get<0>(state_);
}
template <class T>
T&& Result<T>::value() && {
  TRIREME_CHECK(has_value(), "value() of a failed Result: " + error().text);
  return std::get<0>(std::move(state_));
}
template <class T>
const Error& Result<T>::error() const {
  TRIREME_CHECK(!has_value(), "error() of a successful Result");
  return std::get<1>(state_);
}
inline const Error& Result<void>::error() const {
  TRIREME_CHECK(failed_, "error() of a successful Result");
  return error_;
}

}  // namespace trireme
