// clang::Interpreter parses; initializers are taken out of its modules, so that user code is called
// from our own frames and never from within the compiler's.
#include "engine/runtimes/cpp/interpreter.hpp"

#include <clang/AST/DeclTemplate.h>
#include <clang/Basic/DiagnosticSema.h>
#include <clang/Lex/Preprocessor.h>
#include <llvm/Demangle/Demangle.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>

#include "engine/runtimes/cpp/interpreter_parts.hpp"

namespace trireme {
namespace {

constexpr const char* kSessionFile = "<<< inputs >>>";  // as the compiler calls the whole session

void initialize_target() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

Error no_compiler(const std::string& why) {
  return Error{ErrorCode::kInternal, "The C++ compiler of this engine cannot start: " + why};
}

/// What code is compiled for.
std::unique_ptr<llvm::TargetMachine> make_target() {
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder) {
    llvm::consumeError(builder.takeError());
    return nullptr;
  }
  auto target = builder->createTargetMachine();
  if (target) return std::move(*target);
  llvm::consumeError(target.takeError());
  return nullptr;
}

/// Optimises as -O2 does; the JIT itself only translates. To be done before the JIT learns what the
/// module defines: functions that all callers have inlined go away.
void optimize(llvm::Module& module, llvm::TargetMachine* target) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager groups;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(groups);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, groups, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

llvm::Error set_up_jit(llvm::orc::LLJIT& jit, const std::vector<HostSymbol>& symbols,
                       std::string& errors) {
  jit.getExecutionSession().setErrorReporter(
      [&errors](llvm::Error error) { errors += llvm::toString(std::move(error)) + "\n"; });
  llvm::orc::SymbolMap map;
  for (const HostSymbol& symbol : symbols) {
    map[jit.mangleAndIntern(symbol.name)] = {
        llvm::orc::ExecutorAddr::fromPtr(symbol.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  return jit.getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(map)));
}

/// Makes the functions that initialize the module's variables ordinary ones; their names, in order.
std::vector<std::string> take_initializers(llvm::Module& module, std::size_t& count) {
  llvm::GlobalVariable* list = module.getNamedGlobal("llvm.global_ctors");
  if (list == nullptr || !list->hasInitializer()) return {};
  std::vector<std::pair<std::uint64_t, llvm::Function*>> found;
  if (const auto* array = llvm::dyn_cast<llvm::ConstantArray>(list->getInitializer())) {
    for (const llvm::Use& use : array->operands()) {
      const auto* entry = llvm::cast<llvm::ConstantStruct>(use.get());
      const auto* priority = llvm::cast<llvm::ConstantInt>(entry->getOperand(0));
      auto* function = llvm::dyn_cast<llvm::Function>(entry->getOperand(1)->stripPointerCasts());
      if (function != nullptr) found.emplace_back(priority->getZExtValue(), function);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  list->eraseFromParent();
  std::vector<std::string> names;
  for (auto& [priority, function] : found) {
    function->setLinkage(llvm::GlobalValue::ExternalLinkage);
    function->setName("__trireme_init_" + std::to_string(count++));
    names.push_back(function->getName().str());
  }
  return names;
}

/// Something of the module that can be looked up, so that all of it is compiled; or empty.
std::string any_definition(const llvm::Module& module) {
  const auto fits = [](const llvm::GlobalValue& value) {
    return !value.isDeclaration() && !value.hasLocalLinkage() &&
           !value.hasAvailableExternallyLinkage() && value.hasName() &&
           !value.getName().starts_with("llvm.");
  };
  for (const llvm::Function& function : module.functions()) {
    if (fits(function)) return function.getName().str();
  }
  for (const llvm::GlobalVariable& variable : module.globals()) {
    if (fits(variable)) return variable.getName().str();
  }
  return {};
}

/// One sentence of the linker's errors.
CompilerMessages describe_link_error(std::string text) {
  constexpr std::string_view kMissing = "Symbols not found: [";
  CompilerMessages messages;
  const auto missing = text.find(kMissing);
  if (missing != std::string::npos) {
    std::string_view names = std::string_view(text).substr(missing + kMissing.size());
    names = names.substr(0, names.find(']'));
    std::string list;
    while (!names.empty()) {
      const auto end = std::min(names.find(','), names.size());
      std::string_view name = names.substr(0, end);
      name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
      name = name.substr(0, name.find_last_not_of(' ') + 1);
      if (!name.empty()) list += (list.empty() ? "" : ", ") + llvm::demangle(std::string(name));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    messages.first_error = "undefined: " + list +
                           "; it is declared, but neither this cell nor an earlier one defines it";
  } else {
    messages.first_error = "the code cannot be linked: " + text.substr(0, text.find('\n'));
  }
  messages.text = std::move(text);
  return messages;
}

}  // namespace

MessageCollector::MessageCollector()
    : options_(new clang::DiagnosticOptions), printer_(stream_, options_.get()) {
  options_->ShowPresumedLoc = 1;  // the cell's own lines
}

void MessageCollector::BeginSourceFile(const clang::LangOptions& language,
                                       const clang::Preprocessor* preprocessor) {
  printer_.BeginSourceFile(language, preprocessor);
}

void MessageCollector::HandleDiagnostic(clang::DiagnosticsEngine::Level level,
                                        const clang::Diagnostic& message) {
  DiagnosticConsumer::HandleDiagnostic(level, message);
  printer_.HandleDiagnostic(level, message);
  if (level == clang::DiagnosticsEngine::Note && awaits_previous_) {
    messages_.redefinitions.back().before = message.getLocation().getRawEncoding();
  }
  awaits_previous_ = false;
  if (level < clang::DiagnosticsEngine::Error) return;
  if (on_error_) on_error_();
  if (messages_.first_error.empty()) {
    llvm::SmallString<256> line;
    message.FormatDiagnostic(line);
    messages_.first_error = line.str().str();
  }
  note_redefinition(message);
}

void MessageCollector::note_redefinition(const clang::Diagnostic& message) {
  const unsigned id = message.getID();
  const bool is_redefinition = id == clang::diag::err_redefinition ||
                               id == clang::diag::err_redefinition_different_type ||
                               id == clang::diag::err_redefinition_different_kind ||
                               id == clang::diag::err_redefinition_different_typedef ||
                               id == clang::diag::err_redefinition_different_concept ||
                               id == clang::diag::err_ovl_diff_return_type;
  if (!is_redefinition || !message.hasSourceManager()) return;
  Redefinition found;
  for (unsigned i = 0; i < message.getNumArgs() && found.name == nullptr; ++i) {
    if (message.getArgKind(i) == clang::DiagnosticsEngine::ak_declarationname) {
      found.name =
          clang::DeclarationName::getFromOpaqueInteger(message.getRawArg(i)).getAsOpaquePtr();
    } else if (message.getArgKind(i) == clang::DiagnosticsEngine::ak_identifierinfo) {
      const auto* identifier = reinterpret_cast<const clang::IdentifierInfo*>(message.getRawArg(i));
      found.name = clang::DeclarationName(identifier).getAsOpaquePtr();
    } else if (message.getArgKind(i) == clang::DiagnosticsEngine::ak_nameddecl) {
      const auto* decl = reinterpret_cast<const clang::NamedDecl*>(message.getRawArg(i));
      found.name = decl->getDeclName().getAsOpaquePtr();
    }
  }
  const auto place = message.getSourceManager().getPresumedLoc(message.getLocation());
  if (place.isValid()) {
    found.line = static_cast<int>(place.getLine());
    found.column = static_cast<int>(place.getColumn());
  }
  messages_.redefinitions.push_back(found);
  awaits_previous_ = true;
}

CompilerMessages MessageCollector::take() {
  CompilerMessages taken = std::exchange(messages_, {});
  std::string_view rest = text_;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, end);
    const bool is_noise = line.starts_with("In file included from " + std::string(kSessionFile)) ||
                          line.starts_with(kSessionFile);
    if (!is_noise) taken.text += line;
    rest.remove_prefix(end);
  }
  text_.clear();
  return taken;
}

void InstantiationLog::repair() {
  for (clang::ValueDecl* wanted : requested_) {
    auto* function = llvm::dyn_cast<clang::FunctionDecl>(wanted);
    if (function != nullptr && function->isDefined()) {
      if (!function->isInvalidDecl()) lost_.push_back(function);
      continue;
    }
    if (function != nullptr) {
      function->setInstantiationIsPending(false);
      if (auto* info = function->getTemplateSpecializationInfo()) info->setPointOfInstantiation({});
      if (auto* info = function->getMemberSpecializationInfo()) info->setPointOfInstantiation({});
    } else if (auto* variable = llvm::dyn_cast<clang::VarDecl>(wanted)) {
      if (auto* info = variable->getMemberSpecializationInfo()) info->setPointOfInstantiation({});
    }
  }
  requested_.clear();
}

void InstantiationLog::hand_over(clang::ASTConsumer& compiler) {
  for (clang::FunctionDecl* function : std::exchange(lost_, {})) {
    const clang::FunctionDecl* definition = nullptr;
    if (!function->isDefined(definition)) continue;
    compiler.HandleTopLevelDecl(clang::DeclGroupRef(const_cast<clang::FunctionDecl*>(definition)));
  }
}

Interpreter::Interpreter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Interpreter::~Interpreter() = default;

Result<std::unique_ptr<Interpreter>> Interpreter::create(const InterpreterOptions& options) {
  struct stat resource {};
  if (stat(TRIREME_CLANG_RESOURCE_DIR "/include/stddef.h", &resource) != 0) {
    return Error{ErrorCode::kNotFound,
                 "The compiler's headers are not in " TRIREME_CLANG_RESOURCE_DIR
                 "; install the package libclang-common-19-dev."};
  }
  initialize_target();
  std::vector<const char*> arguments{"-std=c++20",
                                     "-resource-dir",
                                     TRIREME_CLANG_RESOURCE_DIR,
                                     "-O2",
                                     "-fno-c++-static-destructors",
                                     "-fno-delayed-template-parsing",
                                     "-fno-spell-checking",
                                     "-Wno-unused-value",
                                     "-ferror-limit=20",
                                     "-ftemplate-backtrace-limit=5",
                                     "-Xclang",
                                     "-mno-constructor-aliases"};
  for (const std::string& flag : options.flags) arguments.push_back(flag.c_str());
  clang::IncrementalCompilerBuilder builder;
  builder.SetCompilerArgs(arguments);
  auto compiler = builder.CreateCpp();
  if (!compiler) return no_compiler(llvm::toString(compiler.takeError()));
  auto parts = std::make_unique<Parts>();
  parts->target = make_target();
  (*compiler)->getDiagnostics().setClient(&parts->messages, /*ShouldOwnClient=*/false);
  auto made = clang::Interpreter::create(std::move(*compiler));
  if (!made) return no_compiler(llvm::toString(made.takeError()) + parts->messages.take().text);
  parts->clang = std::move(*made);
  clang::CompilerInstance& instance = *parts->clang->getCompilerInstance();
  parts->messages.BeginSourceFile(instance.getLangOpts(), &instance.getPreprocessor());
  instance.getASTContext().setASTMutationListener(&parts->instantiations);
  // What has no name is given one at every error, and at the end of a text that had errors.
  const auto name_all = [&context = instance.getASTContext()] {
    name_unnamed(context.getTranslationUnitDecl());
  };
  parts->messages.on_error(name_all);
  instance.getPreprocessor().setTokenWatcher(
      [name_all, &messages = parts->messages](const clang::Token& token) {
        const bool is_end = token.is(clang::tok::eof) || token.is(clang::tok::annot_repl_input_end);
        if (is_end && messages.has_error()) name_all();
      });
  auto jit = parts->clang->getExecutionEngine();
  if (!jit) return no_compiler(llvm::toString(jit.takeError()));
  if (auto error = set_up_jit(*jit, options.symbols, parts->jit_errors)) {
    return no_compiler(llvm::toString(std::move(error)));
  }
  return std::unique_ptr<Interpreter>(new Interpreter(std::move(parts)));
}

bool Interpreter::parse(const std::string& source, CompilerMessages& messages) {
  parts_->instantiations.hand_over(parts_->clang->getCompilerInstance()->getASTConsumer());
  auto unit = parts_->clang->Parse(source);
  messages = parts_->messages.take();
  if (unit) {
    parts_->instantiations.forget();
    parts_->hidden.clear();
    parts_->unlinked.push_back(&*unit);
    return true;
  }
  llvm::consumeError(unit.takeError());
  parts_->instantiations.repair();
  forget_names(parts_->clang->getASTContext().getTranslationUnitDecl());
  if (!parts_->unlinked.empty()) parts_->unlinked.push_back(nullptr);
  // Code was made for what came before the error; an empty text takes it along.
  auto empty = parts_->clang->Parse("");
  llvm::consumeError(empty ? parts_->clang->Undo(1) : empty.takeError());
  if (messages.first_error.empty()) messages.first_error = "the code cannot be compiled";
  return false;
}

std::optional<std::vector<Interpreter::Code>> Interpreter::link(const std::string& entry,
                                                                CompilerMessages& messages) {
  TRIREME_CHECK(!parts_->unlinked.empty(), "there is nothing to link");
  clang::PartialTranslationUnit& unit = *parts_->unlinked.front();
  parts_->jit_errors.clear();
  std::vector<std::string> names = take_initializers(*unit.TheModule, parts_->initializer_count);
  if (!entry.empty()) names.push_back(entry);
  optimize(*unit.TheModule, parts_->target.get());
  std::vector<std::string> wanted = names;
  if (wanted.empty()) wanted.push_back(any_definition(*unit.TheModule));
  std::vector<Code> code;
  llvm::Error error = parts_->clang->Execute(unit);
  for (const std::string& name : wanted) {
    if (error || name.empty()) break;
    auto address = parts_->clang->getSymbolAddress(name);
    if (address) {
      code.push_back(address->toPtr<Code>());
    } else {
      error = address.takeError();
    }
  }
  if (error) {
    const std::string text = llvm::toString(std::move(error)) + "\n" + parts_->jit_errors;
    messages = describe_link_error(
        parts_->jit_errors.find("Symbols not found") != text.npos ? parts_->jit_errors : text);
    undo_unlinked();
    return std::nullopt;
  }
  do {
    parts_->unlinked.pop_front();
  } while (!parts_->unlinked.empty() && parts_->unlinked.front() == nullptr);
  code.resize(names.size());
  return code;
}

void Interpreter::undo_unlinked() {
  const auto units = std::exchange(parts_->unlinked, {});
  if (units.empty()) return;
  std::vector<clang::TranslationUnitDecl*> undone;
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    if (*unit == nullptr) continue;
    name_unnamed((*unit)->TUPart);
    undone.push_back((*unit)->TUPart);
  }
  llvm::consumeError(parts_->clang->Undo(static_cast<unsigned>(units.size())));
  for (clang::TranslationUnitDecl* unit : undone) forget_names(unit);
}

void* Interpreter::address(const std::string& symbol) {
  auto found = parts_->clang->getSymbolAddress(symbol);
  if (found) return found->toPtr<void*>();
  llvm::consumeError(found.takeError());
  return nullptr;
}

}  // namespace trireme
