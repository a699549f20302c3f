// The named values of an engine together with the variables of its cells.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <trireme/task_context.hpp>

#include "engine/cells/languages.hpp"

namespace trireme {

/// What tasks see as their name space: pushed values first, then variables of cells, which can be
/// read but not written. Thread-safe.
class CellNames final : public NameSpace {
 public:
  /// Both must outlive this.
  CellNames(NameSpace& values, Languages& languages) : values_(values), languages_(languages) {}

  std::optional<Value> get(std::string_view name) const override;
  void set(std::string name, Value value) override {
    values_.set(std::move(name), std::move(value));
  }
  bool erase(std::string_view name) override { return values_.erase(name); }
  std::vector<std::string> keys() const override;
  /// The state of cells goes before the next cell runs.
  void clear() override;

 private:
  NameSpace& values_;
  Languages& languages_;
};

}  // namespace trireme
