// Which texts the compiler gets, in which order, and what to try when it does not like them.
#include "engine/runtimes/cpp/cpp_session.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include "engine/runtimes/cpp/cell_host.hpp"
#include "engine/runtimes/cpp/cell_prelude.hpp"

namespace trireme {
namespace {

/// Inline namespaces of what is defined anew begin so.
constexpr const char* kHome = "__cell_";

/// How often a text is tried again because it defines something anew.
constexpr int kRenamingRounds = 4;

/// Where a line and column of a cell are, as a byte; npos when they are not.
std::size_t byte_at(std::string_view code, int line, int column) {
  std::size_t at = 0;
  for (int i = 1; i < line; ++i) {
    at = code.find('\n', at);
    if (at == std::string_view::npos) return at;
    ++at;
  }
  at += static_cast<std::size_t>(std::max(column, 1) - 1);
  return at < code.size() ? at : std::string_view::npos;
}

/// The part that holds a redefinition; npos when it cannot be renamed (a member, a directive).
std::size_t part_with(const CellText& cell, const CellGroup& group, const Redefinition& thing) {
  const std::size_t at = byte_at(cell.code, thing.line, thing.column);
  if (at == std::string_view::npos) return at;
  if (cell.code.substr(0, at).ends_with("::")) return std::string_view::npos;
  for (const std::size_t part : group.parts) {
    const CellPart& each = cell.parts[part];
    if (at >= each.begin && at < each.end && !each.is_directive) return part;
  }
  return std::string_view::npos;
}

}  // namespace

CppSession::CppSession(std::unique_ptr<Interpreter> interpreter)
    : interpreter_(std::move(interpreter)) {}

Result<std::shared_ptr<CppSession>> CppSession::create(const std::string& flags) {
  InterpreterOptions options;
  std::istringstream words(flags);
  for (std::string word; words >> word;) options.flags.push_back(std::move(word));
  options.symbols = cell_host_symbols();
  auto interpreter = Interpreter::create(options);
  if (!interpreter) return interpreter.error();
  std::shared_ptr<CppSession> session(new CppSession(std::move(*interpreter)));
  CompilerMessages messages;
  const bool prelude = session->interpreter_->parse(cell_prelude(), messages) &&
                       session->interpreter_->link("", messages);
  if (!prelude) {
    return Error{ErrorCode::kConfiguration,
                 "C++ cells cannot be compiled on this machine (" + messages.first_error +
                     "); they need a C++ standard library: install the package libstdc++-12-dev."};
  }
  return session;
}

std::optional<CppSession::Compiled> CppSession::compile(const CellText& cell,
                                                        CompilerMessages& messages) {
  const std::lock_guard lock(mutex_);
  if (!include_headers(cell, messages)) return std::nullopt;
  Compiled compiled;
  compiled.warnings = messages.text;
  for (const CellGroup& group : group_parts(cell.parts)) {
    if (!parse_group(cell, group, compiled, messages)) {
      interpreter_->undo_unlinked();
      return std::nullopt;
    }
    compiled.warnings += messages.text;
  }
  ++generation_;
  unlinked_.assign(compiled.groups.begin(), compiled.groups.end());
  ahead_.clear();
  return compiled;
}

bool CppSession::include_headers(const CellText& cell, CompilerMessages& messages) {
  CellGroup headers;
  for (std::size_t i = 0; i < cell.parts.size(); ++i) {
    if (cell.parts[i].is_header) headers.parts.push_back(i);
  }
  if (headers.parts.empty()) return true;
  if (!interpreter_->parse(declaration_source(cell, headers, {}, ""), messages)) return false;
  CompilerMessages said;
  const auto code = interpreter_->link("", said);
  if (!code) {
    messages = std::move(said);
    return false;
  }
  for (const Code each : *code) each();
  return true;
}

bool CppSession::parse_group(const CellText& cell, const CellGroup& group, Compiled& done,
                             CompilerMessages& messages) {
  const auto parse_as = [&](bool as_code, CompilerMessages& said) {
    if (!as_code) {
      done.groups.emplace_back();
      if (parse_declarations(cell, group, said)) return true;
    } else {
      const std::string entry = "__trireme_cell_" + std::to_string(++count_);
      done.groups.push_back({entry});
      if (interpreter_->parse(statement_source(cell, group, entry), said)) return true;
    }
    done.groups.pop_back();
    return false;
  };
  if (parse_as(group.is_code, messages)) return true;
  if (group.is_sure) return false;
  CompilerMessages other;
  if (!parse_as(!group.is_code, other)) return false;  // what was said first is likelier
  messages = std::move(other);
  return true;
}

bool CppSession::parse_declarations(const CellText& cell, const CellGroup& group,
                                    CompilerMessages& messages) {
  std::set<std::size_t> renamed;
  for (const std::size_t part : group.parts) {
    if (!moved_.contains(cell.parts[part].name)) continue;
    interpreter_->hide_in_homes(cell.parts[part].name, kHome);
    renamed.insert(part);
  }
  const std::string home = kHome + std::to_string(++count_);
  for (int round = 0; round < kRenamingRounds; ++round) {
    CompilerMessages said;
    const bool parsed = interpreter_->parse(declaration_source(cell, group, renamed, home), said);
    if (parsed) {
      messages = std::move(said);
      for (const std::size_t part : renamed) {
        if (!cell.parts[part].name.empty()) moved_.insert(cell.parts[part].name);
      }
      return true;
    }
    bool any = false;
    for (const Redefinition& thing : said.redefinitions) {
      const std::size_t part = part_with(cell, group, thing);
      if (part == std::string_view::npos || !interpreter_->hide(thing)) continue;
      renamed.insert(part);
      any = true;
    }
    messages = std::move(said);
    if (!any) break;
  }
  interpreter_->show_hidden();
  return false;
}

std::optional<std::vector<CppSession::Code>> CppSession::link(const CompiledGroup& group,
                                                              CompilerMessages& messages) {
  const std::lock_guard lock(mutex_);
  if (!ahead_.empty()) {
    Linked linked = std::move(ahead_.front());
    ahead_.pop_front();
    messages = std::move(linked.messages);
    return std::move(linked.code);
  }
  TRIREME_CHECK(!unlinked_.empty() && unlinked_.front().entry == group.entry,
                "groups are linked in their order");
  unlinked_.pop_front();
  auto code = interpreter_->link(group.entry, messages);
  if (!code) unlinked_.clear();
  return code;
}

void CppSession::drop_unlinked() {
  const std::lock_guard lock(mutex_);
  unlinked_.clear();
  ahead_.clear();
  interpreter_->undo_unlinked();
}

void CppSession::link_ahead() {
  while (!unlinked_.empty()) {
    const CompiledGroup group = std::move(unlinked_.front());
    unlinked_.pop_front();
    Linked linked;
    linked.code = interpreter_->link(group.entry, linked.messages);
    if (!linked.code) unlinked_.clear();  // those behind it are forgotten, too
    ahead_.push_back(std::move(linked));
  }
}

bool CppSession::is_type(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return interpreter_->is_type(name);
}

void* CppSession::compile_own(const std::string& source, const std::string& entry,
                              CompilerMessages& messages) {
  link_ahead();
  if (!interpreter_->parse(source, messages)) return nullptr;
  const auto code = interpreter_->link(entry, messages);
  return code ? reinterpret_cast<void*>(code->back()) : nullptr;
}

Result<std::shared_ptr<CppSession::Callable>> CppSession::find_function(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto known = functions_.find(name);
  if (known != functions_.end() && known->second.generation == generation_) {
    return known->second.function;
  }
  const std::vector<FunctionShape> shapes = interpreter_->functions(name);
  if (shapes.empty()) {
    return Error{ErrorCode::kNotFound, "There is no function " + std::string(name) + "."};
  }
  if (known != functions_.end() && known->second.function->identity == shapes.front().identity &&
      shapes.size() == 1) {
    known->second.generation = generation_;
    return known->second.function;
  }
  auto function = std::make_shared<Callable>();
  function->name = name;
  function->identity = shapes.front().identity;
  const bool is_plain = shapes.size() == 1 && !shapes.front().is_template;
  if (is_plain) {
    CompilerMessages messages;
    const std::string entry = "__trireme_call_" + std::to_string(++count_);
    const std::string source = "extern \"C\" void " + entry +
                               "(const trireme_value* args, trireme_value* result) {\n"
                               "  ::trireme::cell::call(::" +
                               function->name + ", args, result);\n}\n";
    function->code = reinterpret_cast<Call>(compile_own(source, entry, messages));
    function->parameters = shapes.front().parameters;
    if (function->code == nullptr) {
      return Error{ErrorCode::kBadFormat, "The types of " + function->name +
                                              " cannot come from values: " + messages.first_error +
                                              "."};
    }
  }
  functions_.insert_or_assign(function->name, Known{generation_, function});
  return function;
}

Result<CppSession::Ready> CppSession::code_for(Callable& function,
                                               const std::vector<std::string>& types) {
  if (function.code != nullptr && types.size() == function.parameters) return Ready{function.code};
  std::string list;
  for (const std::string& type : types) list += (list.empty() ? "" : ", ") + type;
  const std::lock_guard lock(mutex_);
  const auto found = function.by_kinds.find(list);
  if (found != function.by_kinds.end()) return Ready{found->second};
  CompilerMessages messages;
  const std::string entry = "__trireme_call_" + std::to_string(++count_);
  const std::string source = "extern \"C\" void " + entry +
                             "(const trireme_value* args, trireme_value* result) {\n"
                             "  ::trireme::cell::Parameters<" +
                             list +
                             ">::call([](auto&&... given) -> decltype(auto) {"
                             " return ::" +
                             function.name +
                             "(static_cast<decltype(given)&&>(given)...); }, args, result);\n}\n";
  auto* code = reinterpret_cast<Call>(compile_own(source, entry, messages));
  if (code == nullptr) {
    return Error{ErrorCode::kTypeError,
                 function.name + " cannot be called with (" + list + "): " + messages.first_error};
  }
  function.by_kinds.emplace(std::move(list), code);
  return Ready{code};
}

bool CppSession::read_variable(std::string_view name, trireme_value* to) {
  const std::lock_guard lock(mutex_);
  const auto names = interpreter_->variables();
  if (!std::binary_search(names.begin(), names.end(), name)) return false;
  CompilerMessages messages;
  const std::string entry = "__trireme_read_" + std::to_string(++count_);
  const std::string source =
      "extern \"C\" int " + entry +
      "(trireme_value* to) { return ::trireme::cell::put_variable(::" + std::string(name) +
      ", to); }\n";
  auto* read = reinterpret_cast<int (*)(trireme_value*)>(compile_own(source, entry, messages));
  return read != nullptr && read(to) != 0;
}

std::vector<std::string> CppSession::variables() {
  const std::lock_guard lock(mutex_);
  return interpreter_->variables();
}

std::vector<std::string> CppSession::completions(std::string_view scope, std::string_view prefix) {
  const std::lock_guard lock(mutex_);
  return interpreter_->completions(scope, prefix);
}

std::optional<NameFacts> CppSession::facts(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return interpreter_->facts(name);
}

}  // namespace trireme
