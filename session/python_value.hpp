// Objects of Python peers and our values: what crosses the border between the languages, and how.
//
// An object travels as one frame with a pickle and further frames with the raw bytes that were
// taken out of it (docs/protocol.md, "Calls of Python clients"). What has no counterpart is an
// error that names it: integers beyond 64 bits, complex numbers, dicts with keys other than
// strings, functions, instances of classes.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/value.hpp>

#include "session/frame.hpp"
#include "session/pickle_node.hpp"
#include "session/result.hpp"

namespace trireme {

/// Bytes and arrays of a Python object longer than this travel in frames of their own.
inline constexpr std::size_t kPythonInlineBytesMax = 1024;

/// One object of a Python peer with its raw frames.
class PythonObject {
 public:
  /// Takes the frames of one object from `frames`, beginning at `next`, which moves behind them.
  /// kBadFormat when there is no pickle or when frames are missing.
  static Result<PythonObject> take(const Frames& frames, std::size_t& next);

  /// The value of a Reference's name in the engine's name space; nothing when it has none.
  using Lookup = std::function<std::optional<Value>(std::string_view name)>;

  /// Tuples and sets become lists. Bytes and arrays share the frames where their alignment
  /// allows. kTypeError for what has no counterpart, kKeyError for a Reference that `lookup` does
  /// not know ("name 'x' is not defined"), kBadFormat, kTooLarge for a pickle that expands to
  /// very much more than its bytes.
  Result<Value> to_value(const Lookup& lookup) const;

  /// The name, if this is an ipyparallel Reference.
  std::optional<std::string> reference_name() const;
  /// For error sentences: "the Python function 'f'", "an object of the class 'm.C'", ...
  std::string describe() const;
  const PickleNode& root() const noexcept { return pickle_.root(); }

 private:
  explicit PythonObject(Pickle pickle) : pickle_(std::move(pickle)) {}

  Pickle pickle_;
  Frames raw_;
};

/// What describe() says of a part of an object.
std::string describe_python(const PickleNode& node);

/// The frames of one object as Python peers make them, appended to `frames`: long bytes and arrays
/// at its first level share the value's bytes. TypeError when it is nested deeper than
/// kValueDepthMax.
void append_python_object(const Value& value, Frames& frames);

}  // namespace trireme
