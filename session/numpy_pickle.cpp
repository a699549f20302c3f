// Reading what numpy writes: _reconstruct with a state, _frombuffer, scalar, dtype.
#include "session/numpy_pickle.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include <trireme/errors.hpp>

namespace trireme {
namespace {

using Kind = PickleNode::Kind;

/// Dimensions numpy allows.
constexpr std::size_t kDimensionsMax = 64;

bool is_numpy(std::string_view name, std::string_view end) {
  for (const std::string_view module : {"numpy.core.", "numpy._core."}) {
    if (name.starts_with(module) && name.substr(module.size()) == end) return true;
  }
  return false;
}

/// The n-th item of a tuple if it is there and of that kind, else FormatError.
const PickleNode& item(const PickleNode* tuple, std::size_t index, Kind kind) {
  if (tuple == nullptr || index >= tuple->items.size() || !tuple->items[index]->is(kind)) {
    throw FormatError("a numpy object in the pickle is not as numpy writes it");
  }
  return *tuple->items[index];
}

Bytes bytes_item(const PickleNode* tuple, std::size_t index, const Bytes& whole) {
  if (tuple != nullptr && index < tuple->items.size()) {
    const PickleNode& node = *tuple->items[index];
    if (node.is(Kind::kBytes) || node.is(Kind::kByteArray)) return bytes_within(node.text, whole);
  }
  throw FormatError("the numbers of a numpy array in the pickle are no bytes");
}

/// Bytes that are turned as one when the order of bytes changes.
std::size_t unit_bytes(std::string_view dtype, std::size_t item_bytes) {
  switch (dtype[1]) {
    case 'c':
      return item_bytes / 2;
    case 'U':
      return 4;
    case 'S':
    case 'V':
      return 1;
    default:
      return item_bytes;
  }
}

Bytes turned(const Bytes& data, std::size_t unit) {
  std::string text(data.text());
  for (std::size_t i = 0; i + unit <= text.size(); i += unit) {
    std::reverse(text.begin() + static_cast<std::ptrdiff_t>(i),
                 text.begin() + static_cast<std::ptrdiff_t>(i + unit));
  }
  return Bytes(std::move(text));
}

/// The elements in the order in which the last index changes fastest.
Bytes in_c_order(const Bytes& data, const std::vector<std::int64_t>& shape,
                 std::size_t item_bytes) {
  std::string text(data.size(), '\0');
  std::vector<std::size_t> index(shape.size());
  std::vector<std::size_t> stride(shape.size());
  std::size_t step = item_bytes;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    stride[d] = step;
    step *= static_cast<std::size_t>(shape[d]);
  }
  std::size_t from = 0;
  for (std::size_t to = 0; to < text.size(); to += item_bytes) {
    data.text().copy(text.data() + to, item_bytes, from);
    for (std::size_t d = shape.size(); d-- > 0;) {
      from += stride[d];
      if (++index[d] < static_cast<std::size_t>(shape[d])) break;
      from -= stride[d] * index[d];
      index[d] = 0;
    }
  }
  return Bytes(std::move(text));
}

Array array_of_state(const PickleNode& node, const Bytes& whole) {
  const PickleNode* state = node.part(PickleNode::kState, Kind::kTuple);
  std::vector<std::int64_t> shape = read_numpy_shape(item(state, 1, Kind::kTuple));
  std::string dtype = read_numpy_dtype(item(state, 2, Kind::kObject));
  const bool fortran_order = item(state, 3, Kind::kBool).integer != 0;
  return make_numpy_array(std::move(dtype), std::move(shape), bytes_item(state, 4, whole),
                          fortran_order);
}

Array array_of_buffer(const PickleNode& node, const Bytes& whole) {
  const PickleNode* arguments = node.part(PickleNode::kArguments, Kind::kTuple);
  std::string dtype = read_numpy_dtype(item(arguments, 1, Kind::kObject));
  std::vector<std::int64_t> shape = read_numpy_shape(item(arguments, 2, Kind::kTuple));
  const bool fortran_order = item(arguments, 3, Kind::kString).text == "F";
  return make_numpy_array(std::move(dtype), std::move(shape), bytes_item(arguments, 0, whole),
                          fortran_order);
}

}  // namespace

Bytes bytes_within(std::string_view text, const Bytes& whole) {
  if (text.empty()) return {};
  return whole.part(static_cast<std::size_t>(text.data() - whole.text().data()), text.size());
}

std::string read_numpy_dtype(const PickleNode& node) {
  if (node.global_name() != "numpy.dtype") {
    throw FormatError("the element type of a numpy array in the pickle is no numpy.dtype");
  }
  std::string name(item(node.part(PickleNode::kArguments, Kind::kTuple), 0, Kind::kString).text);
  const PickleNode* state = node.part(PickleNode::kState, Kind::kTuple);
  char order = '<';
  if (state != nullptr) {
    const std::string_view text = item(state, 1, Kind::kString).text;
    if (!text.empty()) order = text.front();
    for (const std::size_t part : {2u, 3u, 4u}) {
      if (part < state->items.size() && !state->items[part]->is(Kind::kNone)) {
        throw TypeError(
            "arrays whose elements have fields cannot travel; send one array per field");
      }
    }
  }
  if (!name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) != 0) {
    const bool single = name == "b1" || name == "i1" || name == "u1" || name[0] == 'S';
    name.insert(name.begin(), single ? '|' : order);
  }
  if (name.size() > 1 && name[1] == 'O') {
    throw TypeError("arrays of Python objects cannot travel; send a list");
  }
  return name;
}

std::vector<std::int64_t> read_numpy_shape(const PickleNode& node) {
  if (!node.is(Kind::kTuple) || node.items.size() > kDimensionsMax) {
    throw FormatError("the shape of a numpy array in the pickle is no short tuple");
  }
  std::vector<std::int64_t> shape;
  for (const PickleNode* length : node.items) {
    if (!length->is(Kind::kInt)) throw FormatError("the shape of a numpy array holds no integers");
    shape.push_back(length->integer);
  }
  return shape;
}

Array make_numpy_array(std::string dtype, std::vector<std::int64_t> shape, Bytes data,
                       bool fortran_order) {
  const bool is_big_endian = !dtype.empty() && dtype[0] == '>';
  if (!dtype.empty() && (dtype[0] == '>' || dtype[0] == '=')) dtype[0] = '<';
  Array array(std::move(dtype), std::move(shape), std::move(data));
  if (!is_big_endian && (!fortran_order || array.shape().size() < 2)) return array;
  Bytes bytes = array.data();
  if (is_big_endian) bytes = turned(bytes, unit_bytes(array.dtype(), array.item_bytes()));
  if (fortran_order) bytes = in_c_order(bytes, array.shape(), array.item_bytes());
  return Array(array.dtype(), array.shape(), std::move(bytes));
}

std::optional<Value> read_numpy_object(const PickleNode& node, const Bytes& whole) {
  const std::string name = node.global_name();
  if (is_numpy(name, "multiarray._reconstruct")) return array_of_state(node, whole);
  if (is_numpy(name, "numeric._frombuffer")) return array_of_buffer(node, whole);
  if (is_numpy(name, "multiarray.scalar")) {
    const PickleNode* arguments = node.part(PickleNode::kArguments, Kind::kTuple);
    std::string dtype = read_numpy_dtype(item(arguments, 0, Kind::kObject));
    return make_numpy_array(std::move(dtype), {}, bytes_item(arguments, 1, whole), false)
        .element(0);
  }
  return std::nullopt;
}

}  // namespace trireme
