// A locked map of values.
#include "engine/name_space.hpp"

#include <utility>

namespace trireme {

std::optional<Value> EngineNameSpace::get(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

void EngineNameSpace::set(std::string name, Value value) {
  // The old value ends up in the parameter, which outlives the lock: freeing it may take time.
  const std::lock_guard lock(mutex_);
  std::swap(values_[std::move(name)], value);
}

bool EngineNameSpace::erase(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto found = values_.find(name);
  if (found == values_.end()) return false;
  values_.erase(found);
  return true;
}

std::vector<std::string> EngineNameSpace::keys() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  names.reserve(values_.size());
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

void EngineNameSpace::clear() {
  decltype(values_) old;  // freed after the lock
  const std::lock_guard lock(mutex_);
  old.swap(values_);
}

}  // namespace trireme
