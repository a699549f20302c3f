// The native functions of one engine, by name.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/registry.hpp>

namespace trireme {

/// Filled before the engine starts, read-only afterwards: then any thread may call find().
class FunctionTable final : public Registry {
 public:
  using Registry::add;

  /// Names who registers from now on, for errors ("built-in", a plug-in's file).
  void set_source(std::string source) { source_ = std::move(source); }

  void add_function(std::string name, NativeFunction function) override;

  struct Entry {
    NativeFunction function;
    std::string source;
  };
  /// Null for an unknown name.
  const Entry* find(std::string_view name) const;
  std::vector<std::string> names() const;
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  std::string source_ = "built-in";
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace trireme
