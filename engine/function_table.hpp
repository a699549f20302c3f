// The native functions of one engine, by name.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/registry.hpp>

#include "session/result.hpp"

namespace trireme {

/// Filled before the engine starts, read-only afterwards: then any thread may call find() and
/// resolve().
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
  /// Null for a name that nobody registered.
  const Entry* find(std::string_view name) const;

  /// Where functions come from that nobody registered: cells. Several threads may ask at once.
  using Fallback = std::function<Result<NativeFunction>(std::string_view name)>;
  void set_fallback(Fallback fallback) { fallback_ = std::move(fallback); }

  /// A function that was found, ready to be called.
  struct Found {
    const Entry* entry = nullptr;  // registered; otherwise:
    NativeFunction from_fallback;

    Value operator()(Call& call) const {
      return entry ? entry->function(call) : from_fallback(call);
    }
    std::string_view source() const { return entry ? std::string_view(entry->source) : "a cell"; }
  };
  /// A registered function, else one of the fallback. kNotFound for a name that neither knows, or
  /// why the fallback has no use for it.
  Result<Found> resolve(std::string_view name) const;
  std::vector<std::string> names() const;
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  std::string source_ = "built-in";
  std::map<std::string, Entry, std::less<>> entries_;
  Fallback fallback_;
};

}  // namespace trireme
