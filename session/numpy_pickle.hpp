// numpy's own pickles of arrays, scalars and element types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/value.hpp>

#include "session/pickle_node.hpp"

namespace trireme {

/// The name of an element type, such as "<f8", from `numpy.dtype(...)` with its state. TypeError
/// for types that have more than a name (fields, subarrays, objects).
std::string read_numpy_dtype(const PickleNode& node);

/// The shape from a tuple of integers. FormatError.
std::vector<std::int64_t> read_numpy_shape(const PickleNode& node);

/// An array from what numpy keeps of it. Big-endian numbers are turned, Fortran's order is turned
/// into C's. TypeError for element types that no Array holds.
Array make_numpy_array(std::string dtype, std::vector<std::int64_t> shape, Bytes data,
                       bool fortran_order);

/// The value of an object that numpy pickled; nothing when it is no such object. `whole` shows the
/// frame that the texts of the nodes lie in. TypeError, FormatError.
std::optional<Value> read_numpy_object(const PickleNode& node, const Bytes& whole);

/// The bytes of `text`, which lies in `whole`, sharing them.
Bytes bytes_within(std::string_view text, const Bytes& whole);

}  // namespace trireme
