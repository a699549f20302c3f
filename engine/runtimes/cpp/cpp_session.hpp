// One C++ session: a compiler, what it has compiled, and the functions that were asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/cell/host_calls.hpp"
#include "engine/runtimes/cpp/cell_source.hpp"
#include "engine/runtimes/cpp/interpreter.hpp"
#include "session/result.hpp"

namespace trireme {

/// A piece of a cell that is ready to run.
struct CompiledGroup {
  std::string entry;  // of statements
};

/// Compiles cells. All functions may be called from any thread; they wait for each other.
class CppSession {
 public:
  /// Text of flags for the compiler, separated by spaces (the environment's TRIREME_CPP_FLAGS).
  static Result<std::shared_ptr<CppSession>> create(const std::string& flags);

  using Code = Interpreter::Code;
  using Call = void (*)(const trireme_value* args, trireme_value* result);

  /// What compile() understood; link each group before running it, in order.
  struct Compiled {
    std::vector<CompiledGroup> groups;
    std::string warnings;
  };
  /// Nothing has changed when it fails.
  std::optional<Compiled> compile(const CellText& cell, CompilerMessages& messages);
  std::optional<std::vector<Code>> link(const CompiledGroup& group, CompilerMessages& messages);
  /// Forgets the groups that were not linked.
  void drop_unlinked();
  bool is_type(std::string_view name);

  /// What a call of a function needs: compiled for the kinds of arguments, when they matter.
  struct Callable {
    std::string name;
    const void* identity = nullptr;
    Call code = nullptr;                   // for all arguments; null: depends on their kinds
    std::size_t parameters = 0;            // of `code`
    std::map<std::string, Call> by_kinds;  // C++ types of arguments -> code
  };
  /// kNotFound; kBadFormat when its types cannot come from values.
  Result<std::shared_ptr<Callable>> find_function(std::string_view name);
  /// TypeError's text when it cannot be called so.
  struct Ready {
    Call code;
  };
  Result<Ready> code_for(Callable& function, const std::vector<std::string>& types);

  /// Stores the variable's value; false when there is none or it has no value.
  bool read_variable(std::string_view name, trireme_value* to);
  std::vector<std::string> variables();
  std::vector<std::string> completions(std::string_view scope, std::string_view prefix);
  std::optional<NameFacts> facts(std::string_view name);

 private:
  explicit CppSession(std::unique_ptr<Interpreter> interpreter);

  /// First of all, and for good: that a header was included cannot be taken back.
  bool include_headers(const CellText& cell, CompilerMessages& messages);
  bool parse_group(const CellText& cell, const CellGroup& group, Compiled& done,
                   CompilerMessages& messages);
  bool parse_declarations(const CellText& cell, const CellGroup& group, CompilerMessages& messages);
  /// Links the groups of a cell that has not asked for them yet: texts are linked in the order in
  /// which they were compiled, and one of ours may need what a cell defines.
  void link_ahead();
  /// The linked function `entry` of a text of ours.
  void* compile_own(const std::string& source, const std::string& entry,
                    CompilerMessages& messages);

  std::mutex mutex_;
  std::unique_ptr<Interpreter> interpreter_;
  std::uint64_t count_ = 0;       // of names made up
  std::uint64_t generation_ = 0;  // of declarations
  struct Linked {
    std::optional<std::vector<Code>> code;
    CompilerMessages messages;
  };
  std::deque<CompiledGroup> unlinked_;        // of the latest cell
  std::deque<Linked> ahead_;                  // groups before those, linked and not asked for
  std::set<std::string, std::less<>> moved_;  // names that were defined anew before
  struct Known {
    std::uint64_t generation;
    std::shared_ptr<Callable> function;
  };
  std::map<std::string, Known, std::less<>> functions_;
};

}  // namespace trireme
