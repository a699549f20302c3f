// Two sources of names as one.
#include "engine/cells/cell_names.hpp"

#include <algorithm>

namespace trireme {

std::optional<Value> CellNames::get(std::string_view name) const {
  if (auto value = values_.get(name)) return value;
  return languages_.variable(name);
}

std::vector<std::string> CellNames::keys() const {
  std::vector<std::string> names = values_.keys();
  for (std::string& name : languages_.variable_names()) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void CellNames::clear() {
  values_.clear();
  languages_.clear();
}

}  // namespace trireme
