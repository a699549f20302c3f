// What a pickle says, as a graph of plain nodes: nothing in it was run, looked up or imported.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "session/frame.hpp"

namespace trireme {

/// One object of a pickle. Nodes may be shared and may form circles, as Python's objects do.
struct PickleNode {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,       // integer: 0 or 1
    kInt,        // integer
    kBigInt,     // text: beyond 64 bits, little-endian two's complement
    kFloat,      // real
    kString,     // text: UTF-8 as Python wrote it (lone surrogates are possible)
    kBytes,      // text
    kByteArray,  // text
    kList,       // items
    kTuple,      // items
    kSet,        // items
    kFrozenSet,  // items
    kDict,       // items: key, value, key, value, ...
    kGlobal,     // items: module, name (strings)
    kObject,     // items: callable, arguments, state, added entries (a list), added keys (a dict);
                 // null where the pickle says nothing
  };
  enum ObjectPart : std::size_t { kCallable, kArguments, kState, kEntries, kKeys, kObjectParts };

  Kind kind = Kind::kNone;
  union {
    std::int64_t integer = 0;
    double real;
  };
  std::string_view text;
  std::vector<PickleNode*> items;

  bool is(Kind wanted) const noexcept { return kind == wanted; }
  /// "module.name" of a global, or of what an object was made by; empty for anything else.
  std::string global_name() const;
  /// The value under a string key of a dict; null without one or when this is no dict.
  const PickleNode* find(std::string_view key) const noexcept;
  /// A part of an object that is there and of that kind; else null.
  const PickleNode* part(ObjectPart part, Kind wanted) const noexcept;
};

/// A pickle that was read. Its nodes and their texts live as long as it does; moving it moves no
/// node.
class Pickle {
 public:
  /// `frame` is where the texts of the nodes lie.
  explicit Pickle(Frame frame) : frame_(std::move(frame)) {}
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;

  const PickleNode& root() const noexcept { return *root_; }
  const Frame& frame() const noexcept { return frame_; }
  std::size_t node_count() const noexcept { return nodes_.size(); }

 private:
  friend class PickleReader;
  Frame frame_;
  std::deque<PickleNode> nodes_;
  PickleNode* root_ = nullptr;
};

}  // namespace trireme
