// The inside of Interpreter, shared by the files that speak with the compiler's libraries.
#pragma once

// Clang's headers are not written for our warnings; the build includes them as a system's.
#include <clang/AST/ASTMutationListener.h>
#include <clang/Basic/Diagnostic.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Interpreter/Interpreter.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtimes/cpp/interpreter.hpp"

namespace trireme {

/// Collects what the compiler says about one text.
class MessageCollector final : public clang::DiagnosticConsumer {
 public:
  MessageCollector();

  void BeginSourceFile(const clang::LangOptions& language,
                       const clang::Preprocessor* preprocessor) override;
  void HandleDiagnostic(clang::DiagnosticsEngine::Level level,
                        const clang::Diagnostic& message) override;

  /// What was said since the last call.
  CompilerMessages take();
  /// Called for every error.
  void on_error(std::function<void()> action) { on_error_ = std::move(action); }
  bool has_error() const noexcept { return !messages_.first_error.empty(); }

 private:
  void note_redefinition(const clang::Diagnostic& message);

  std::string text_;
  llvm::raw_string_ostream stream_{text_};
  llvm::IntrusiveRefCntPtr<clang::DiagnosticOptions> options_;
  clang::TextDiagnosticPrinter printer_;
  CompilerMessages messages_;
  std::function<void()> on_error_;
  bool awaits_previous_ = false;  // the next note says where the session defined it
};

/// Remembers which templates were instantiated for a text. When the text turns out to be wrong the
/// compiler forgets to compile them, though it believes that it did: they are told to it again.
class InstantiationLog final : public clang::ASTMutationListener {
 public:
  void InstantiationRequested(const clang::ValueDecl* wanted) override {
    requested_.push_back(const_cast<clang::ValueDecl*>(wanted));
  }
  void FunctionDefinitionInstantiated(const clang::FunctionDecl* made) override {
    requested_.push_back(const_cast<clang::FunctionDecl*>(made));
  }

  void DeducedReturnType(const clang::FunctionDecl* made, clang::QualType) override {
    requested_.push_back(const_cast<clang::FunctionDecl*>(made));
  }

  /// The text was right.
  void forget() { requested_.clear(); }
  /// The text was wrong: what was not instantiated will be asked for anew.
  void repair();
  /// Before the next text: what was instantiated for a wrong one is compiled when it is used.
  void hand_over(clang::ASTConsumer& compiler);

 private:
  std::vector<clang::ValueDecl*> requested_;
  std::vector<clang::FunctionDecl*> lost_;
};

/// Gives names to what has none in a unit that is about to be undone: Clang 19 cannot undo it else.
void name_unnamed(clang::TranslationUnitDecl* unit);
/// Undeclares what a unit that is not to be declared. What the session knew before is known again.
void forget_names(clang::TranslationUnitDecl* unit);

struct Interpreter::Parts {
  MessageCollector messages;
  InstantiationLog instantiations;
  std::string jit_errors;  // what the linker said last
  std::unique_ptr<llvm::TargetMachine> target;
  std::unique_ptr<clang::Interpreter> clang;
  /// What was parsed since the oldest unit that is not linked; wrong texts (null) leave traces,
  /// too.
  std::deque<clang::PartialTranslationUnit*> unlinked;
  std::vector<std::pair<clang::DeclContext*, clang::NamedDecl*>> hidden;  // since the last unit
  std::size_t initializer_count = 0;                                      // for names
};

}  // namespace trireme
