// Cells go through tokens, parts, compiler and guard; everything asked about names goes to the
// session.
#include "engine/runtimes/cpp/cpp_runtime.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <streambuf>
#include <typeinfo>
#include <utility>

#include "engine/runtimes/cpp/cell_host.hpp"
#include "engine/runtimes/cpp/guard.hpp"

namespace trireme {
namespace {

constexpr std::size_t kTracebackLinesMax = 60;

/// Whom a running cell speaks to.
class RunningCell final : public CellHost {
 public:
  RunningCell(const RuntimeParts& parts, const CellOptions& options, CellSink& sink)
      : parts_(parts), options_(options), sink_(sink) {}

  NameSpace& names() override { return parts_.names; }
  int engine_id() const override { return parts_.engine_id; }
  bool stop_requested() const override { return options_.stop.stop_requested(); }
  void display(CellDisplay display) override { sink_.display(std::move(display)); }
  void clear_output(bool wait) override { sink_.clear_output(wait); }
  void result(MimeBundle bundle) override { value_ = std::move(bundle); }
  Result<std::string> input(std::string_view prompt, bool is_password) override {
    return sink_.request_input(prompt, is_password);
  }
  std::optional<MimeBundle> take_value() { return std::exchange(value_, std::nullopt); }

 private:
  const RuntimeParts& parts_;
  const CellOptions& options_;
  CellSink& sink_;
  std::optional<MimeBundle> value_;
};

/// Whom a function called from outside speaks to.
class RunningCall final : public CellHost {
 public:
  explicit RunningCall(TaskContext& context) : context_(context) {}

  NameSpace& names() override { return context_.name_space(); }
  int engine_id() const override { return context_.engine_id(); }
  bool stop_requested() const override { return context_.stop_requested(); }
  void display(CellDisplay display) override { context_.display(display.bundle.data); }
  void clear_output(bool) override {}
  void result(MimeBundle) override {}
  Result<std::string> input(std::string_view, bool) override {
    return Error{ErrorCode::kPermission, "A called function cannot ask for input."};
  }

 private:
  TaskContext& context_;
};

/// std::cin of cells: asks for a line whenever there is none left.
class InputLines final : public std::streambuf {
 public:
  InputLines() : before_(std::cin.rdbuf(this)) { std::cin.clear(); }
  ~InputLines() override { std::cin.rdbuf(before_); }

 private:
  int_type underflow() override {
    CellHost* host = current_cell_host();
    if (host == nullptr) return traits_type::eof();
    std::cout.flush();
    auto line = host->input("", false);
    if (!line) return traits_type::eof();
    line_ = std::move(*line) + "\n";
    setg(line_.data(), line_.data(), line_.data() + line_.size());
    return traits_type::to_int_type(line_.front());
  }

  std::streambuf* before_;
  std::string line_;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < kTracebackLinesMax) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!text.empty()) lines.emplace_back("...");
  return lines;
}

TaskFailure compile_error(CompilerMessages messages) {
  TaskFailure failure{"CompileError", std::move(messages.first_error), lines_of(messages.text)};
  if (failure.traceback.empty()) failure.traceback = {"CompileError: " + failure.evalue};
  return failure;
}

TaskFailure flaw_error(std::string_view code, const CppFlaw& flaw, const std::string& file) {
  const bool is_unopened = flaw.kind == CppFlaw::Kind::kUnopened;
  const std::string place = file + ":" + std::to_string(line_of(code, flaw.at)) + ":" +
                            std::to_string(column_of(code, flaw.at) + 1);
  const std::string text = is_unopened ? "'" + flaw.what + "' closes nothing that is open"
                           : flaw.kind == CppFlaw::Kind::kUnclosed
                               ? "'" + flaw.what + "' is never closed"
                               : flaw.what + " is not ended";
  return {"CompileError", text, {place + ": error: " + text}};
}

std::string readable(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  return status == 0 && name ? name.get() : mangled;
}

/// The namespaces that cells are compiled into are nobody's business.
std::string without_homes(std::string name) {
  for (auto at = name.find("__cell_"); at != std::string::npos; at = name.find("__cell_")) {
    const auto end = name.find("::", at);
    if (end == std::string::npos) break;
    name.erase(at, end + 2 - at);
  }
  constexpr std::string_view kOwn = "trireme::cell::";
  if (name.starts_with(kOwn)) name.erase(0, kOwn.size());
  return name;
}

/// What is being thrown, as a failure; to be called in a catch block.
TaskFailure describe_thrown(const std::string& file) {
  const std::type_info* type = abi::__cxa_current_exception_type();
  TaskFailure failure;
  failure.ename = type == nullptr ? "unknown" : without_homes(readable(type->name()));
  try {
    throw;
  } catch (const std::exception& error) {
    failure.evalue = error.what();
  } catch (const std::string& text) {
    failure.evalue = text;
  } catch (const char* text) {
    failure.evalue = text;
  } catch (int number) {
    failure.evalue = std::to_string(number);
  } catch (...) {
    failure.evalue = "something of type " + failure.ename + " was thrown";
  }
  failure.traceback = {"In " + file, failure.ename + ": " + failure.evalue};
  return failure;
}

/// What was printed and not yet written.
void flush_output() {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(stdout);
  std::fflush(stderr);
}

/// The C++ type an argument arrives as, for functions that would take several.
std::string type_for(const Value& value) {
  using Kind = Value::Kind;
  switch (value.kind()) {
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return std::in_range<int>(value.as_int()) ? "int" : "long";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "std::string";
    case Kind::kArray: {
      const std::string& dtype = value.as_array().dtype();
      if (dtype == "<f8") return "std::vector<double>";
      if (dtype == "<f4") return "std::vector<float>";
      if (dtype == "<i8") return "std::vector<long>";
      if (dtype == "<i4") return "std::vector<int>";
      return "trireme::Json";
    }
    default:
      return "trireme::Json";
  }
}

bool is_name_part(char each) {
  return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_';
}

/// Where the (qualified) name that ends at `end` begins.
std::size_t name_begin(std::string_view code, std::size_t end) {
  std::size_t begin = end;
  for (;;) {
    while (begin > 0 && is_name_part(code[begin - 1])) --begin;
    if (begin < 2 || code.substr(begin - 2, 2) != "::") return begin;
    begin -= 2;
  }
}

}  // namespace

CppRuntime::CppRuntime(const RuntimeParts& parts) : parts_(parts) {}
CppRuntime::~CppRuntime() = default;

LanguageInfo CppRuntime::language() const {
  return {"c++", "20", "text/x-c++src", ".cpp", "Trireme: C++20 cells, compiled by Clang 19"};
}

Result<std::shared_ptr<CppSession>> CppRuntime::session() {
  if (session_ != nullptr) return session_;
  if (start_error_) return *start_error_;
  const char* flags = std::getenv("TRIREME_CPP_FLAGS");
  auto made = CppSession::create(flags == nullptr ? "" : flags);
  if (!made) {
    start_error_ = made.error();
    return *start_error_;
  }
  session_ = std::move(*made);
  return session_;
}

Result<void> CppRuntime::prepare() {
  auto started = session();
  if (!started) return started.error();
  return {};
}

CellOutcome CppRuntime::execute(std::string_view code, const CellOptions& options, CellSink& sink) {
  auto current = session();
  if (!current) {
    return TaskFailure{"RuntimeError", current.error().text, {current.error().text}};
  }
  const std::string file =
      options.execution_count > 0 ? "cell " + std::to_string(options.execution_count) : "cell";
  const CppTokens tokens = tokenize_cpp(code);
  if (tokens.flaw) return flaw_error(code, *tokens.flaw, file);
  const std::vector<CellPart> parts =
      split_cell(code, tokens, [&](std::string_view name) { return (*current)->is_type(name); });
  CompilerMessages messages;
  const CellText text{code, parts, file, options.silent};
  const auto compiled = (*current)->compile(text, messages);
  if (!compiled) return compile_error(std::move(messages));
  if (!compiled->warnings.empty()) sink.write_err(compiled->warnings);
  RunningCell cell(parts_, options, sink);
  const CellHostScope scope(cell, /*for_all_threads=*/true);
  const InputLines input;
  auto failure = run(**current, *compiled, options, file);
  flush_output();
  if (failure) return std::move(*failure);
  return CellSuccess{cell.take_value()};
}

std::optional<TaskFailure> CppRuntime::run(CppSession& session,
                                           const CppSession::Compiled& compiled,
                                           const CellOptions& options, const std::string& file) {
  for (const CompiledGroup& group : compiled.groups) {
    CompilerMessages messages;
    const auto code = session.link(group, messages);
    if (!code) return compile_error(std::move(messages));
    try {
      const auto run_all = [&] {
        for (const CppSession::Code each : *code) each();
      };
      if (options.stop.stop_requested() ||
          run_guarded(run_all, options.stop, file) == GuardedEnd::kInterrupted) {
        session.drop_unlinked();
        return interrupted();
      }
    } catch (...) {
      session.drop_unlinked();
      return describe_thrown(file);
    }
  }
  return std::nullopt;
}

Completions CppRuntime::complete(std::string_view code, std::size_t cursor) {
  cursor = std::min(cursor, code.size());
  std::size_t begin = cursor;
  while (begin > 0 && is_name_part(code[begin - 1])) --begin;
  Completions found{{}, begin, cursor};
  std::size_t scope_end = begin;
  if (code.substr(0, begin).ends_with("::") || code.substr(0, begin).ends_with("->")) {
    scope_end -= 2;
  } else if (code.substr(0, begin).ends_with(".")) {
    scope_end -= 1;
  }
  const std::size_t scope_begin = scope_end == begin ? begin : name_begin(code, scope_end);
  auto current = session();
  if (!current) return found;
  found.matches = (*current)->completions(code.substr(scope_begin, begin - scope_begin),
                                          code.substr(begin, cursor - begin));
  return found;
}

std::optional<MimeBundle> CppRuntime::inspect(std::string_view code, std::size_t cursor,
                                              int detail) {
  std::size_t end = std::min(cursor, code.size());
  while (end < code.size() && is_name_part(code[end])) ++end;
  while (end > 0 && !is_name_part(code[end - 1])) --end;  // behind a call's bracket
  const std::size_t begin = name_begin(code, end);
  auto current = session();
  if (begin == end || !current) return std::nullopt;
  const auto facts = (*current)->facts(code.substr(begin, end - begin));
  if (!facts) return std::nullopt;
  std::string text = facts->declaration;
  if (!facts->comment.empty()) text += "\n\n" + facts->comment;
  if (detail > 0 && !facts->place.empty()) text += "\n\n" + facts->place;
  MimeBundle bundle;
  bundle.data.emplace("text/plain", std::move(text));
  return bundle;
}

Completeness CppRuntime::is_complete(std::string_view code) {
  using State = Completeness::State;
  const CppTokens tokens = tokenize_cpp(code);
  if (!tokens.flaw) return {State::kComplete, ""};
  const bool may_go_on = tokens.flaw->kind == CppFlaw::Kind::kUnclosed ||
                         tokens.flaw->kind == CppFlaw::Kind::kContinued;
  if (!may_go_on) return {State::kInvalid, ""};
  return {State::kIncomplete, std::string(static_cast<std::size_t>(2 * tokens.depth), ' ')};
}

std::optional<Value> CppRuntime::variable(std::string_view name) {
  Value value;
  if (session_ == nullptr || !session_->read_variable(name, handle_of(value))) return std::nullopt;
  return value;
}

std::vector<std::string> CppRuntime::variable_names() {
  return session_ == nullptr ? std::vector<std::string>() : session_->variables();
}

Result<NativeFunction> CppRuntime::function(std::string_view name) {
  if (session_ == nullptr) return Runtime::function(name);
  auto found = session_->find_function(name);
  if (!found) return found.error();
  return NativeFunction([session = session_, function = std::move(*found)](Call& call) -> Value {
    if (!call.kwargs.empty()) {
      throw TypeError("the function " + function->name + " of a cell takes no keyword arguments");
    }
    CppSession::Call code = function->code;
    if (code == nullptr || call.args.size() != function->parameters) {
      std::vector<std::string> types;
      for (const Value& argument : call.args) types.push_back(type_for(argument));
      auto made = session->code_for(*function, types);
      if (!made) throw TypeError(made.error().text);
      code = made->code;
    }
    const Value args(std::move(call.args));
    Value result;
    RunningCall host(call.context);
    const CellHostScope scope(host, /*for_all_threads=*/false);
    try {
      code(handle_of(args), handle_of(result));
    } catch (const std::exception& error) {
      // The cells' own TypeError is a type that only they know.
      if (readable(typeid(error).name()) == "trireme::cell::TypeError") {
        throw TypeError(function->name + ": " + error.what());
      }
      throw;
    }
    return result;
  });
}

void CppRuntime::clear() {
  session_ = nullptr;
  start_error_ = std::nullopt;
}

}  // namespace trireme
