// Which language a cell is written in, and the runtimes that this process has started so far.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_messages.hpp"
#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// `--language` of an engine that runs no cells.
inline constexpr std::string_view kNoLanguage = "none";

/// What is told of a language before its runtime is there. `name` as in RuntimeOffer.
LanguageInfo known_language(std::string_view name);
/// The language of cells without a magic: the wanted one, else the first of this build that is not
/// for `%%` cells only; empty when there is none.
std::string default_language(const std::vector<RuntimeOffer>& offers, const std::string& wanted);

/// The language of `cell`, by its magic or the default; empty when no offer is for it, or when
/// there is nothing in it. `wanted` as for Languages.
std::string language_of_cell(const std::vector<RuntimeOffer>& offers, const std::string& wanted,
                             std::string_view cell);

/// The runtimes of one process, each made when its first cell comes. Thread-safe; calls of one
/// runtime follow each other.
class Languages {
 public:
  /// `names` must outlive this. `wanted`: "", "none", or the name of an offer.
  Languages(std::vector<RuntimeOffer> offers, NameSpace& names, std::string wanted);

  /// A runtime for the duration of one call, and the cell without its `%%` line.
  struct Access {
    std::unique_lock<std::mutex> lock;
    Runtime* runtime;
    std::string_view code;
    std::string magic_arguments;
  };
  /// The runtime for `cell`, which must outlive the access. kNotFound when this engine has none for
  /// it, with the mend; or what the runtime said when it was made.
  Result<Access> open(std::string_view cell, const EngineIdentity& who);

  /// Makes the runtime of a language ready for its first cell, which takes as long as starting a
  /// compiler does; cells of it wait meanwhile. What goes wrong is told to those cells.
  void prepare(std::string_view language, const EngineIdentity& who);

  /// Asked of all runtimes that have been made.
  std::optional<Value> variable(std::string_view name);
  std::vector<std::string> variable_names();
  Result<NativeFunction> function(std::string_view name);
  /// Before the next cell runs, all state of cells is forgotten. Never waits.
  void clear();

 private:
  struct Slot {
    RuntimeOffer offer;
    std::mutex mutex;
    std::unique_ptr<Runtime> runtime;  // guarded by mutex
    std::optional<Error> failure;      // of its making; guarded by mutex
    std::atomic<bool> clear_waits{false};
  };
  /// With the slot's mutex held.
  Result<void> make(Slot& slot, const EngineIdentity& who);
  Slot* find(std::string_view language, std::string_view magic);
  Error nothing_for(std::string_view magic) const;

  std::list<Slot> slots_;  // fixed after construction
  NameSpace& names_;
  std::string wanted_;
  std::string default_;
};

}  // namespace trireme
