// Cells of shell text: each runs in a shell of its own that takes over what the last one left.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/runtime.hpp"
#include "engine/runtimes/shell/shell_script.hpp"

namespace trireme {

/// bash where there is one, else sh (docs/interactive.md says what each keeps between cells).
/// A cell's standard input is empty. Its exit status 0 is success; everything else fails as
/// ShellError ("exit status 3"). What a cell leaves running ends with the cell.
class ShellRuntime final : public Runtime {
 public:
  /// kNotFound when there is no shell.
  static Result<std::unique_ptr<Runtime>> create(const RuntimeParts& parts);

  ShellRuntime(std::string program, ShellKind kind, const RuntimeParts& parts);

  LanguageInfo language() const override;
  CellOutcome execute(std::string_view code, const CellOptions& options, CellSink& sink) override;
  CellOutcome evaluate(std::string_view expression, const CellOptions& options,
                       CellSink& sink) override;
  Completions complete(std::string_view code, std::size_t cursor) override;
  std::optional<MimeBundle> inspect(std::string_view code, std::size_t cursor, int detail) override;
  Completeness is_complete(std::string_view code) override;
  std::optional<Value> variable(std::string_view name) override;
  std::vector<std::string> variable_names() override;
  void clear() override;

 private:
  struct Quiet;

  /// Runs a text of ours in the cells' state without changing it, and returns what it prints; "$1"
  /// in it is `argument`.
  Quiet ask(std::string_view script, std::string_view argument, std::stop_token stop = {}) const;

  std::string program_;
  ShellKind kind_;
  std::string first_state_;
  std::string state_;  // a script that brings a new shell to where the last one ended
};

}  // namespace trireme
