// The named values of an engine, as tasks see them.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/task_context.hpp>

namespace trireme {

/// A map behind a lock. Values are copied in and out; bytes and arrays share their data.
class EngineNameSpace final : public NameSpace {
 public:
  std::optional<Value> get(std::string_view name) const override;
  void set(std::string name, Value value) override;
  bool erase(std::string_view name) override;
  std::vector<std::string> keys() const override;
  void clear() override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Value, std::less<>> values_;  // guarded by mutex_
};

}  // namespace trireme
