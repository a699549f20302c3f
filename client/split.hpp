// Cuts sequences into contiguous parts, for scatter and map.
#pragma once

#include <cstddef>
#include <vector>

#include <trireme/value.hpp>

namespace trireme {

struct Part {
  std::size_t first;
  std::size_t count;
  friend bool operator==(const Part&, const Part&) = default;
};

/// `parts` contiguous parts of `total` entries; sizes differ by at most one, the longer ones come
/// first; some are empty when there are fewer entries than parts.
std::vector<Part> split_evenly(std::size_t total, std::size_t parts);
/// Parts of `size` entries; the last may be shorter. None for no entries.
std::vector<Part> split_by_size(std::size_t total, std::size_t size);

/// The part of a list, array, string or bytes. Arrays and bytes share their data. TypeError for
/// other kinds.
Value slice_value(const Value& sequence, Part part);

}  // namespace trireme
