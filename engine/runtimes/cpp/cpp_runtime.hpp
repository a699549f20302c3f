// C++ as a language of cells.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/cpp/cpp_session.hpp"
#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// Cells of C++20. What a cell declares lives on; the value of a last expression without a
/// semicolon is shown. A cell is compiled whole before any of it runs. What a later cell defines
/// again hides the earlier thing; who uses that goes on using it.
/// Failures: CompileError, or the type of what the cell threw.
class CppRuntime final : public Runtime {
 public:
  explicit CppRuntime(const RuntimeParts& parts);
  ~CppRuntime() override;

  LanguageInfo language() const override;
  /// Starts the compiler and makes it know the library and what cells use first.
  Result<void> prepare() override;
  CellOutcome execute(std::string_view code, const CellOptions& options, CellSink& sink) override;
  Completions complete(std::string_view code, std::size_t cursor) override;
  std::optional<MimeBundle> inspect(std::string_view code, std::size_t cursor, int detail) override;
  Completeness is_complete(std::string_view code) override;
  std::optional<Value> variable(std::string_view name) override;
  std::vector<std::string> variable_names() override;
  Result<NativeFunction> function(std::string_view name) override;
  void clear() override;

 private:
  /// The session, started when there is none.
  Result<std::shared_ptr<CppSession>> session();
  /// Links and runs what was compiled; the failure, if any.
  std::optional<TaskFailure> run(CppSession& session, const CppSession::Compiled& compiled,
                                 const CellOptions& options, const std::string& file);

  RuntimeParts parts_;
  std::shared_ptr<CppSession> session_;  // functions given away hold it, too
  std::optional<Error> start_error_;     // why there is no session
};

}  // namespace trireme
