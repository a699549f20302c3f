// The seam behind which a language lives: cells of source text in, values and outputs out. Knows
// no sockets, no messages and no Jupyter; an engine's kernel process drives it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <trireme/registry.hpp>
#include <trireme/task_context.hpp>
#include <trireme/value.hpp>

#include "engine/task_outcome.hpp"
#include "session/result.hpp"

namespace trireme {

/// One thing in several representations. `data`: mime type -> representation: text for text types
/// (never invalid UTF-8), base64 text for binary ones such as image/png (Bytes are turned into it),
/// any value for application/json. `metadata`: usually empty.
struct MimeBundle {
  Dict data;
  Dict metadata;
};

/// Rich output of a cell.
struct CellDisplay {
  MimeBundle bundle;
  std::string display_id;  // not empty: a later display may update this one
  bool is_update = false;  // replaces what was shown under display_id
};

/// Where a cell's output goes while it runs. Valid until the call that got it returns; its
/// functions may be called from any thread, never throw, and may block while nobody takes the
/// output.
class CellSink {
 public:
  virtual ~CellSink() = default;

  /// Text as it comes, in pieces of any size; need not end at a line or a character.
  /// What is written to the file descriptors 1 and 2 of the process arrives by itself: this is for
  /// output that a runtime reads from elsewhere (a child's pipes) or makes itself.
  virtual void write_out(std::string_view text) = 0;
  virtual void write_err(std::string_view text) = 0;
  virtual void display(CellDisplay display) = 0;
  /// `wait`: not before the next output comes.
  virtual void clear_output(bool wait) = 0;

  /// Asks whoever sent the cell for one line, without its end; blocks for as long as it takes.
  /// An error (its text is for the cell) when the sender cannot be asked (kPermission), or when
  /// the cell was asked to stop meanwhile (kClosed).
  virtual Result<std::string> request_input(std::string_view prompt, bool is_password) = 0;
};

/// How long an interrupted cell may take to heed it, before its process is killed.
inline constexpr std::chrono::milliseconds kInterruptGrace{1'000};

/// How a cell shall run.
struct CellOptions {
  /// Set when the cell is interrupted. A cell that runs on after that is given kInterruptGrace;
  /// then its whole process is killed and replaced, and all state with it.
  std::stop_token stop;
  bool silent = false;          // no value is wanted
  bool store_history = true;    // for runtimes that keep something per cell
  int execution_count = 0;      // of this cell; 0 when silent
  std::string magic_arguments;  // what followed the `%%name` of the cell's first line
};

/// The cell ran. `value`: what its last expression gave, if it gave anything to show.
struct CellSuccess {
  std::optional<MimeBundle> value;
};

/// TaskFailure: ename for programs ("CompileError", "std::out_of_range", "ShellError"), evalue one
/// sentence for people, traceback lines for people (ANSI colours allowed; without it, the engine
/// makes one line of ename and evalue). A cell that heeded its stop token fails as interrupted().
using CellOutcome = std::variant<CellSuccess, TaskFailure>;

/// How all languages tell an interruption.
inline TaskFailure interrupted() { return {"KeyboardInterrupt", "", {"KeyboardInterrupt"}}; }

/// Positions are bytes into the code that was asked about, at character boundaries.
struct Completions {
  std::vector<std::string> matches;  // what code[begin, end) can be replaced by; sorted
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Whether a front end should run what was typed, or ask for more lines.
struct Completeness {
  enum class State { kComplete, kIncomplete, kInvalid, kUnknown };
  State state = State::kUnknown;
  std::string indent;  // of kIncomplete: what the next line should begin with
};

/// What a kernel tells of its language (kernel_info of the Jupyter protocol).
struct LanguageInfo {
  std::string name;            // "c++", "bash"
  std::string version;         // "20"
  std::string mimetype;        // "text/x-c++src"
  std::string file_extension;  // ".cpp"
  std::string banner;          // one line for people
};

/// What a runtime may use; the references outlive it.
struct RuntimeParts {
  NameSpace& names;    // the engine's: what clients pushed, and what `ns["a"]` means in cells
  int engine_id = -1;  // -1: a kernel of its own
  std::string engine_uuid;
};

/// A language with state that lives from cell to cell.
///
/// Threads: calls come one at a time, from whichever thread, except that the functions returned by
/// function() may run on several threads at once and beside a cell; stop tokens are set from other
/// threads. Nothing may be thrown, except by the functions returned by function().
/// The process may fork and exec children; it must leave none behind when a call returns, and none
/// when it is destroyed. A runtime may crash its process: the engine tells the caller by which
/// signal and starts a new process with new runtimes.
class Runtime {
 public:
  virtual ~Runtime() = default;

  virtual LanguageInfo language() const = 0;

  /// Called before everything else but language(), and again after clear(): work that would make
  /// the first cell slow. An error is for people: every cell then fails with it.
  virtual Result<void> prepare() { return {}; }

  /// Runs one cell, without its `%%name` line.
  virtual CellOutcome execute(std::string_view code, const CellOptions& options,
                              CellSink& sink) = 0;
  /// The value of one expression, for the user_expressions of a cell that has run.
  virtual CellOutcome evaluate(std::string_view expression, const CellOptions& options,
                               CellSink& sink) {
    return execute(expression, options, sink);
  }

  /// What could stand at `cursor`.
  virtual Completions complete(std::string_view code, std::size_t cursor) {
    return {{}, std::min(cursor, code.size()), std::min(cursor, code.size())};
  }
  /// About what stands at `cursor`: empty when nothing is known. `detail` 1 asks for more than 0.
  virtual std::optional<MimeBundle> inspect(std::string_view code, std::size_t cursor, int detail) {
    static_cast<void>(code), static_cast<void>(cursor), static_cast<void>(detail);
    return std::nullopt;
  }
  virtual Completeness is_complete(std::string_view code) {
    static_cast<void>(code);
    return {};
  }

  /// A variable of the language, for `pull` of a name that the engine's name space lacks. Empty
  /// when there is none or it has no Value.
  virtual std::optional<Value> variable(std::string_view name) {
    static_cast<void>(name);
    return std::nullopt;
  }
  /// Names that variable() knows, sorted.
  virtual std::vector<std::string> variable_names() { return {}; }

  /// A function that cells have defined, ready to be called by `apply` and `map` with any arguments
  /// (it throws TypeError for wrong ones, and passes on what the function throws). kNotFound when
  /// there is no such function; any other error (kBadFormat: its types cannot come from values) is
  /// the caller's to see. Called for every task: must be quick for a name asked before. What was
  /// returned keeps calling the same definition when a later cell redefines the name.
  virtual Result<NativeFunction> function(std::string_view name) {
    return Error{ErrorCode::kNotFound, "There is no function " + std::string(name) + "."};
  }

  /// Forgets the state of all cells (`%reset`, and `clear` of a client).
  virtual void clear() {}
};

/// A language that this build has.
struct RuntimeOffer {
  std::string language;  // of --language: "cpp", "sh"
  std::string magic;     // first line of a cell that is for it whatever the language: "%%sh"
  std::function<Result<std::unique_ptr<Runtime>>(const RuntimeParts&)> create;
};

/// All languages of this build, the preferred one first.
std::vector<RuntimeOffer> available_runtimes();

}  // namespace trireme
