// Names to functions, each name once.
#include "engine/function_table.hpp"

#include <stdexcept>
#include <utility>

namespace trireme {

void FunctionTable::add_function(std::string name, NativeFunction function) {
  if (name.empty()) throw std::invalid_argument("a function needs a name");
  if (!function) throw std::invalid_argument("there is no function behind the name '" + name + "'");
  const auto [entry, inserted] = entries_.try_emplace(name, Entry{std::move(function), source_});
  if (!inserted) {
    throw std::invalid_argument("the name '" + name + "' is already taken by " +
                                entry->second.source);
  }
}

const FunctionTable::Entry* FunctionTable::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<FunctionTable::Found> FunctionTable::resolve(std::string_view name) const {
  if (const Entry* entry = find(name)) return Found{entry, {}};
  if (!fallback_) return Error{ErrorCode::kNotFound, "Nobody knows '" + std::string(name) + "'."};
  auto function = fallback_(name);
  if (!function) return function.error();
  return Found{nullptr, std::move(*function)};
}

std::vector<std::string> FunctionTable::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

}  // namespace trireme
