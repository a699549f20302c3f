#include "client/split.hpp"

#include <algorithm>

#include "session/result.hpp"

namespace trireme {

std::vector<Part> split_evenly(std::size_t total, std::size_t parts) {
  TRIREME_CHECK(parts > 0, "a sequence is cut into at least one part");
  std::vector<Part> cut;
  cut.reserve(parts);
  const std::size_t size = total / parts;
  const std::size_t longer = total % parts;
  for (std::size_t i = 0, first = 0; i < parts; ++i) {
    const std::size_t count = size + (i < longer ? 1 : 0);
    cut.push_back({first, count});
    first += count;
  }
  return cut;
}

std::vector<Part> split_by_size(std::size_t total, std::size_t size) {
  TRIREME_CHECK(size > 0, "parts have at least one entry");
  std::vector<Part> cut;
  for (std::size_t first = 0; first < total; first += size) {
    cut.push_back({first, std::min(size, total - first)});
  }
  return cut;
}

Value slice_value(const Value& sequence, Part part) {
  switch (sequence.kind()) {
    case Value::Kind::kArray:
      return sequence.as_array().slice(part.first, part.count);
    case Value::Kind::kBytes:
      return sequence.as_bytes().part(part.first, part.count);
    case Value::Kind::kString:
      return sequence.as_string().substr(part.first, part.count);
    case Value::Kind::kList: {
      const auto first = sequence.as_list().begin() + static_cast<std::ptrdiff_t>(part.first);
      return List(first, first + static_cast<std::ptrdiff_t>(part.count));
    }
    default:
      throw TypeError("only lists, arrays, strings and bytes can be cut into parts, not " +
                      std::string(describe(sequence.kind())));
  }
}

}  // namespace trireme
