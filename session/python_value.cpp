// Canned objects and plain pickles as values, and back.
#include "session/python_value.hpp"

#include <algorithm>
#include <utility>

#include <trireme/errors.hpp>

#include "session/numpy_pickle.hpp"
#include "session/pickle_reader.hpp"
#include "session/pickle_writer.hpp"
#include "session/value_codec.hpp"

namespace trireme {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kCanning = "ipyparallel.serialize.canning.";
/// Containers this long are pickled as they are: nothing is taken out of their entries.
constexpr std::size_t kCannedEntriesMax = 64;
/// What one value may expand to: shared parts of a pickle are copied wherever they appear.
constexpr std::size_t kExpandedBytesMin = 64u << 20;
constexpr std::size_t kExpandedBytesPerByte = 256;

/// Numbers of one range: it travels as a list.
constexpr std::uint64_t kRangeLengthMax = 1 << 20;

/// A Reference to a name that does not exist.
class UnknownName : public Exception {
 public:
  using Exception::Exception;
};

/// The name of a canned object's class, or empty.
std::string canned_class(const PickleNode& node) {
  if (!node.is(Kind::kObject)) return {};
  const std::string name = node.global_name();
  return name.starts_with(kCanning) ? name.substr(kCanning.size()) : std::string();
}

const PickleNode* canned_part(const PickleNode& node, std::string_view key, Kind kind) {
  const PickleNode* state = node.part(PickleNode::kState, Kind::kDict);
  const PickleNode* found = state == nullptr ? nullptr : state->find(key);
  return found != nullptr && found->is(kind) ? found : nullptr;
}

std::string text_of(const PickleNode* node) {
  return node == nullptr ? std::string() : std::string(node->text);
}

/// The objects that may have had bytes taken out, in the order in which their frames follow.
std::vector<const PickleNode*> canned_candidates(const PickleNode& root) {
  std::vector<const PickleNode*> found;
  const bool is_dict = root.is(Kind::kDict);
  const bool is_sequence = root.is(Kind::kList) || root.is(Kind::kTuple) || root.is(Kind::kSet);
  const std::size_t entries = is_dict ? root.items.size() / 2 : root.items.size();
  if ((!is_dict && !is_sequence) || entries >= kCannedEntriesMax) return {&root};
  if (is_sequence) return {root.items.begin(), root.items.end()};
  std::vector<std::pair<std::string_view, const PickleNode*>> sorted;
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    sorted.emplace_back(root.items[i]->text, root.items[i + 1]);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [key, node] : sorted) found.push_back(node);
  return found;
}

/// Converts one object. Raw frames are taken by the canned objects in the order of
/// canned_candidates, whatever the order of the conversion.
class Conversion {
 public:
  Conversion(const Pickle& pickle, const Frames& raw, const PythonObject::Lookup& lookup)
      : lookup_(lookup),
        whole_(bytes_of(pickle.frame())),
        budget_(kExpandedBytesMin + kExpandedBytesPerByte * pickle.frame().size()) {
    std::size_t next = 0;
    for (const PickleNode* node : canned_candidates(pickle.root())) {
      const PickleNode* buffers =
          canned_class(*node).empty() ? nullptr : canned_part(*node, "buffers", Kind::kList);
      if (buffers == nullptr) continue;
      for (const PickleNode* buffer : buffers->items) {
        if (buffer->is(Kind::kNone) && next < raw.size()) {
          raw_.emplace_back(buffers, bytes_of(raw[next++]));
        }
      }
    }
  }

  Value convert(const PickleNode& node, std::size_t depth = 0) {
    if (depth > kValueDepthMax) {
      throw TypeError("a value nested deeper than " + std::to_string(kValueDepthMax) +
                      " levels cannot travel");
    }
    charge(sizeof(Value) + node.text.size());
    switch (node.kind) {
      case Kind::kNone:
        return {};
      case Kind::kBool:
        return node.integer != 0;
      case Kind::kInt:
        return node.integer;
      case Kind::kFloat:
        return node.real;
      case Kind::kString:
        return node.text;
      case Kind::kBytes:
      case Kind::kByteArray:
        return bytes_within(node.text, whole_);
      case Kind::kList:
      case Kind::kTuple:
      case Kind::kSet:
      case Kind::kFrozenSet:
        return list(node, depth);
      case Kind::kDict:
        return dict(node, depth);
      case Kind::kObject:
        return object(node, depth);
      case Kind::kBigInt:
        throw TypeError("an integer beyond 64 bits cannot travel; send it as text");
      case Kind::kGlobal:
        break;
    }
    throw TypeError(describe_python(node) + " cannot travel to a native task; send data");
  }

 private:
  void charge(std::size_t bytes) {
    if (bytes > budget_) throw FormatError("the pickle expands to far more than its bytes");
    budget_ -= bytes;
  }

  List list(const PickleNode& node, std::size_t depth) {
    List items;
    items.reserve(std::min<std::size_t>(node.items.size(), budget_ / sizeof(Value)));
    for (const PickleNode* item : node.items) items.push_back(convert(*item, depth + 1));
    return items;
  }
  Dict dict(const PickleNode& node, std::size_t depth) {
    Dict items;
    for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const PickleNode& key = *node.items[i];
      if (!key.is(Kind::kString)) {
        throw TypeError("a dict with " + describe_python(key) +
                        " for a key cannot travel; use strings for keys");
      }
      charge(sizeof(Dict::value_type) + key.text.size());
      items.insert_or_assign(std::string(key.text), convert(*node.items[i + 1], depth + 1));
    }
    return items;
  }

  Value object(const PickleNode& node, std::size_t depth) {
    if (const std::string kind = canned_class(node); !kind.empty()) return canned(kind, node);
    if (std::optional<Value> value = read_numpy_object(node, whole_)) return std::move(*value);
    const std::string name = node.global_name();
    const PickleNode* arguments = node.part(PickleNode::kArguments, Kind::kTuple);
    const bool is_set = name == "builtins.set" || name == "builtins.frozenset" ||
                        name == "__builtin__.set" || name == "__builtin__.frozenset";
    if (is_set) return arguments->items.empty() ? Value(List{}) : convert(first(node), depth + 1);
    if (name == "collections.OrderedDict" && arguments->items.empty()) {
      const PickleNode* entries = node.part(PickleNode::kKeys, Kind::kDict);
      return entries == nullptr ? Value(Dict{}) : dict(*entries, depth);
    }
    if (name == "_codecs.encode") return latin_bytes(first(node));
    const bool is_range = name == "builtins.range" || name == "__builtin__.xrange";
    if (is_range) return range(arguments->items);
    throw TypeError(describe_python(node) + " cannot travel to a native task; send its data");
  }
  List range(const std::vector<PickleNode*>& bounds) {
    const bool is_whole = bounds.size() == 3 && bounds[0]->is(Kind::kInt) &&
                          bounds[1]->is(Kind::kInt) && bounds[2]->is(Kind::kInt);
    if (!is_whole || bounds[2]->integer == 0) throw FormatError("a range of the pickle is damaged");
    const std::int64_t begin = bounds[0]->integer, end = bounds[1]->integer;
    const std::int64_t step = bounds[2]->integer;
    // Without signs, for the distance may be larger than any number that has one.
    const bool is_up = step > 0;
    const auto low = static_cast<std::uint64_t>(is_up ? begin : end);
    const auto high = static_cast<std::uint64_t>(is_up ? end : begin);
    const bool is_empty = is_up ? begin >= end : begin <= end;
    const std::uint64_t stride = is_up ? static_cast<std::uint64_t>(step)
                                       : std::uint64_t{0} - static_cast<std::uint64_t>(step);
    const std::uint64_t length = is_empty ? 0 : (high - low - 1) / stride + 1;
    if (length > kRangeLengthMax) {
      throw TypeError("a range of " + std::to_string(length) +
                      " numbers is too long to travel; send it in parts");
    }
    charge(length * sizeof(Value));
    List items;
    items.reserve(length);
    for (std::uint64_t i = 0; i < length; ++i) {
      items.emplace_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(begin) +
                                                   i * static_cast<std::uint64_t>(step)));
    }
    return items;
  }
  static const PickleNode& first(const PickleNode& node) {
    const PickleNode* arguments = node.part(PickleNode::kArguments, Kind::kTuple);
    if (arguments->items.empty()) throw FormatError("an object of the pickle lacks its argument");
    return *arguments->items.front();
  }
  /// Protocol 2 has no bytes: it writes text with one character per byte.
  static Value latin_bytes(const PickleNode& node) {
    std::string bytes;
    for (std::size_t i = 0; i < node.text.size(); ++i) {
      const auto lead = static_cast<std::uint8_t>(node.text[i]);
      const bool is_pair = (lead == 0xc2 || lead == 0xc3) && i + 1 < node.text.size();
      if (lead >= 0x80 && !is_pair) throw FormatError("bytes of the pickle are badly encoded");
      bytes +=
          is_pair ? static_cast<char>(((lead & 3) << 6) | (node.text[++i] & 0x3f)) : node.text[i];
    }
    return Bytes(std::move(bytes));
  }

  Value canned(const std::string& kind, const PickleNode& node) {
    if (kind == "Reference") {
      const std::string name = text_of(canned_part(node, "name", Kind::kString));
      std::optional<Value> value = lookup_ ? lookup_(name) : std::nullopt;
      if (!value) throw UnknownName("name '" + name + "' is not defined");
      return std::move(*value);
    }
    if (kind == "CannedBytes" || kind == "CannedMemoryView") return buffer(node);
    if (kind == "CannedArray") return canned_array(node);
    throw TypeError(describe_python(node) + " cannot travel to a native task; send data");
  }
  Value canned_array(const PickleNode& node) {
    const Bytes data = buffer(node);
    const PickleNode* pickled = canned_part(node, "pickled", Kind::kBool);
    if (pickled != nullptr && pickled->integer != 0) {
      const Result<Pickle> inner = read_pickle(frame_of(data));
      if (!inner) throw FormatError(inner.error().text);
      std::optional<Value> value = read_numpy_object(inner->root(), bytes_of(inner->frame()));
      if (value && value->is_array()) return std::move(*value);
      throw FormatError("a pickled numpy array holds something else");
    }
    const PickleNode* dtype = canned_part(node, "dtype", Kind::kString);
    const PickleNode* shape = canned_part(node, "shape", Kind::kTuple);
    if (shape == nullptr) throw FormatError("a numpy array in the pickle lacks its shape");
    if (dtype == nullptr) {
      throw TypeError("arrays whose elements have fields cannot travel; send one array per field");
    }
    return make_numpy_array(text_of(dtype), read_numpy_shape(*shape), data, false);
  }
  /// The one buffer of a canned object: inside the pickle, or a frame of its own.
  Bytes buffer(const PickleNode& node) {
    const PickleNode* buffers = canned_part(node, "buffers", Kind::kList);
    if (buffers != nullptr && buffers->items.size() == 1) {
      const PickleNode& only = *buffers->items.front();
      if (only.is(Kind::kBytes) || only.is(Kind::kByteArray)) {
        return bytes_within(only.text, whole_);
      }
      for (const auto& [owner, bytes] : raw_) {
        if (owner == buffers) return bytes;
      }
    }
    throw FormatError("the raw bytes of an object in the pickle are missing");
  }

  const PythonObject::Lookup& lookup_;
  Bytes whole_;
  std::size_t budget_;
  std::vector<std::pair<const PickleNode*, Bytes>> raw_;  // list of buffers -> frame
};

void begin_canned(std::string_view class_name, PickleWriter& writer) {
  writer.global(kCanning.substr(0, kCanning.size() - 1), class_name);
  writer.new_object();
  writer.begin_dict();
}
void end_canned(const Bytes& data, PickleWriter& writer, Frames& raw) {
  writer.text("buffers");
  writer.begin_list();
  if (data.size() > kPythonInlineBytesMax) {
    writer.none();
    raw.push_back(frame_of(data));
  } else {
    writer.bytes(data.text());
  }
  writer.end_list();
  writer.end_dict();
  writer.build();
}

void write_canned(const Value& value, PickleWriter& writer, Frames& raw) {
  if (value.is_bytes()) {
    begin_canned("CannedBytes", writer);
    return end_canned(value.as_bytes(), writer, raw);
  }
  if (!value.is_array()) return writer.value(value);
  const Array& array = value.as_array();
  begin_canned("CannedArray", writer);
  writer.text("shape");
  writer.begin_tuple();
  for (const std::int64_t length : array.shape()) writer.integer(length);
  writer.end_tuple();
  writer.text("dtype");
  writer.text(array.dtype());
  writer.text("pickled");
  writer.boolean(false);
  end_canned(array.data(), writer, raw);
}

}  // namespace

Result<PythonObject> PythonObject::take(const Frames& frames, std::size_t& next) {
  if (next >= frames.size()) {
    return Error{ErrorCode::kBadFormat, "A message of a Python peer ends before its last object."};
  }
  Result<Pickle> pickle = read_pickle(frames[next]);
  if (!pickle) return pickle.error();
  ++next;
  PythonObject object(std::move(*pickle));
  for (const PickleNode* node : canned_candidates(object.root())) {
    const PickleNode* buffers =
        canned_class(*node).empty() ? nullptr : canned_part(*node, "buffers", Kind::kList);
    if (buffers == nullptr) continue;
    for (const PickleNode* buffer : buffers->items) {
      if (!buffer->is(Kind::kNone)) continue;
      if (next >= frames.size()) {
        return Error{ErrorCode::kBadFormat, "A message of a Python peer lacks raw frames."};
      }
      object.raw_.push_back(frames[next++]);
    }
  }
  return object;
}

Result<Value> PythonObject::to_value(const Lookup& lookup) const {
  try {
    return Conversion(pickle_, raw_, lookup).convert(pickle_.root());
  } catch (const UnknownName& error) {
    return Error{ErrorCode::kKeyError, error.what()};
  } catch (const TypeError& error) {
    return Error{ErrorCode::kTypeError, error.what()};
  } catch (const Exception& error) {
    return Error{ErrorCode::kBadFormat, error.what()};
  }
}

std::optional<std::string> PythonObject::reference_name() const {
  if (canned_class(root()) != "Reference") return std::nullopt;
  return text_of(canned_part(root(), "name", Kind::kString));
}

std::string PythonObject::describe() const { return describe_python(root()); }

std::string describe_python(const PickleNode& node) {
  switch (node.kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
    case Kind::kBigInt:
      return "an integer";
    case Kind::kFloat:
      return "a float";
    case Kind::kString:
      return "a string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kByteArray:
      return "a bytearray";
    case Kind::kList:
      return "a list";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kSet:
    case Kind::kFrozenSet:
      return "a set";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "the Python object '" + node.global_name() + "'";
    case Kind::kObject:
      break;
  }
  const std::string kind = canned_class(node);
  if (kind == "CannedFunction") {
    return "the Python function '" + text_of(canned_part(node, "__name__", Kind::kString)) + "'";
  }
  if (kind == "CannedPartial") return "a functools.partial";
  if (kind == "CannedClass") {
    return "the Python class '" + text_of(canned_part(node, "name", Kind::kString)) + "'";
  }
  return "an object of the Python class '" + node.global_name() + "'";
}

void append_python_object(const Value& value, Frames& frames) {
  PickleWriter writer;
  Frames raw;
  const bool is_short = (value.is_list() || value.is_dict()) && value.size() < kCannedEntriesMax;
  if (!is_short) {
    write_canned(value, writer, raw);
  } else if (value.is_list()) {
    writer.begin_list();
    for (const Value& item : value.as_list()) write_canned(item, writer, raw);
    writer.end_list();
  } else {
    writer.begin_dict();
    for (const auto& [key, item] : value.as_dict()) {
      writer.text(key);
      write_canned(item, writer, raw);
    }
    writer.end_dict();
  }
  frames.emplace_back(writer.finish());
  for (Frame& frame : raw) frames.push_back(std::move(frame));
}

}  // namespace trireme
