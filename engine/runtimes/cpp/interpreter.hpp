// A C++ compiler that keeps what it has compiled: text in, machine code and diagnostics out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "session/result.hpp"

namespace trireme {

/// A thing that the text defines although the session has it already.
struct Redefinition {
  const void* name = nullptr;  // as hide() wants it
  unsigned before = 0;         // where the session defined it: for hide()
  int line = 0;                // of the text, #line heeded
  int column = 0;              // both count from 1
};

/// What the compiler says.
struct CompilerMessages {
  std::string first_error;  // one line without its place; empty when there were only warnings
  std::string text;         // everything, with places and lines of source
  std::vector<Redefinition> redefinitions;
};

/// Something that hosted code may call by name.
struct HostSymbol {
  const char* name;
  void* address;
};

struct InterpreterOptions {
  std::vector<std::string> flags;  // of the user, for the compiler
  std::vector<HostSymbol> symbols;
};

/// What a name of the session is, for people.
struct NameFacts {
  std::string declaration;  // C++ text
  std::string comment;      // its documentation, markers removed
  std::string place;        // where it is declared
};

/// One function as a caller must know it.
struct FunctionShape {
  std::size_t parameters = 0;
  std::size_t required = 0;        // parameters without a default
  bool is_template = false;        // or a generic lambda
  bool is_object = false;          // a variable that can be called
  const void* identity = nullptr;  // differs between definitions
};

/// The compiler of one session. Not thread-safe. Compiling happens inside; what is compiled is run
/// by the caller. Memory grows with everything that is compiled, and is freed with the object.
class Interpreter {
 public:
  /// kNotFound when the compiler's own headers are missing; kInternal for everything else.
  static Result<std::unique_ptr<Interpreter>> create(const InterpreterOptions& options);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// Adds `source` to the session's program as its newest unit, unless it has errors: then nothing
  /// has changed. The text must have balanced brackets.
  [[nodiscard]] bool parse(const std::string& source, CompilerMessages& messages);
  /// From now on the session does not know what it defined there; who uses it already still does.
  /// False when there is no such thing.
  bool hide(const Redefinition& thing);
  /// The same for what has this name in an inline namespace whose name begins with `home`.
  void hide_in_homes(const std::string& name, std::string_view home);
  /// What was hidden since the last unit is known again.
  void show_hidden();

  using Code = void (*)();
  /// Makes machine code of the oldest unit that has none: its initializers in order, and at last
  /// `entry` if that is not empty. On an error (a symbol that nobody defines) the unit and all
  /// newer ones are undone.
  std::optional<std::vector<Code>> link(const std::string& entry, CompilerMessages& messages);
  /// Forgets the units that were parsed and not linked.
  void undo_unlinked();
  /// The address of something linked, by its linker name; null when there is none.
  void* address(const std::string& symbol);

  /// Whether the name (`x`, `a::b<c>`) is a type or a class template.
  bool is_type(std::string_view name);
  /// What can be called by this name; empty when nothing can.
  std::vector<FunctionShape> functions(std::string_view name);
  /// Names that may stand for `prefix` in `scope`: "" for the session's own names and the global
  /// ones, "std::" or "a::b::" for a namespace's or type's, "x." or "x->" for members of a
  /// variable.
  std::vector<std::string> completions(std::string_view scope, std::string_view prefix);
  std::optional<NameFacts> facts(std::string_view name);
  /// Variables that cells have defined.
  std::vector<std::string> variables();

 private:
  struct Parts;
  explicit Interpreter(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace trireme
