// Questions about the names of a session, answered from the compiler's tree.
#include <clang/AST/ASTContext.h>
#include <clang/AST/Comment.h>
#include <clang/AST/DeclCXX.h>
#include <clang/AST/DeclLookups.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/AST/RawCommentList.h>
#include <clang/Basic/SourceManager.h>

#include <algorithm>
#include <set>

#include "engine/runtimes/cpp/interpreter_parts.hpp"

namespace trireme {
namespace {

constexpr std::size_t kCompletionsMax = 500;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// `a::b<c::d>::e` -> a, b, e.
std::vector<std::string> path_of(std::string_view name) {
  std::vector<std::string> path;
  std::string part;
  int angles = 0;
  const auto finish = [&] {
    if (!part.empty()) path.emplace_back(trimmed(part));
    part.clear();
  };
  for (const char each : name) {
    if (each == '<') ++angles;
    if (angles == 0 && each == ':') {
      finish();
    } else if (angles == 0) {
      part += each;
    }
    if (each == '>' && angles > 0) --angles;
  }
  finish();
  return path;
}

/// The class a declaration is or has for type; null when there is none.
clang::CXXRecordDecl* record_of(clang::NamedDecl* decl) {
  if (auto* record = llvm::dyn_cast<clang::CXXRecordDecl>(decl)) return record->getDefinition();
  if (auto* made = llvm::dyn_cast<clang::ClassTemplateDecl>(decl)) return made->getTemplatedDecl();
  clang::QualType type;
  if (auto* alias = llvm::dyn_cast<clang::TypedefNameDecl>(decl)) type = alias->getUnderlyingType();
  if (auto* value = llvm::dyn_cast<clang::ValueDecl>(decl)) type = value->getType();
  if (type.isNull()) return nullptr;
  type = type.getNonReferenceType();
  if (type->isPointerType()) type = type->getPointeeType();
  auto* record = type->getAsCXXRecordDecl();
  return record == nullptr ? nullptr : record->getDefinition();
}

std::vector<clang::NamedDecl*> find(clang::ASTContext& context, std::string_view name) {
  clang::DeclContext* scope = context.getTranslationUnitDecl();
  std::vector<clang::NamedDecl*> found;
  for (const std::string& part : path_of(name)) {
    if (scope == nullptr) return {};
    const auto decls = scope->lookup(clang::DeclarationName(&context.Idents.get(part)));
    found.assign(decls.begin(), decls.end());
    for (clang::NamedDecl*& decl : found) decl = decl->getUnderlyingDecl();
    if (found.empty()) return {};
    auto* space = llvm::dyn_cast<clang::NamespaceDecl>(found.front());
    scope = space != nullptr ? static_cast<clang::DeclContext*>(space) : record_of(found.front());
  }
  return found;
}

void add_name(const clang::NamedDecl* decl, std::string_view prefix, std::set<std::string>& names) {
  if (decl->getIdentifier() == nullptr || llvm::isa<clang::CXXConstructorDecl>(decl)) return;
  const std::string name = decl->getNameAsString();
  // What begins with underscores is the library's own.
  if (name.starts_with("__") && !prefix.starts_with("_")) return;
  if (name.starts_with(prefix)) names.insert(name);
}

void add_names_in(clang::DeclContext* scope, std::string_view prefix,
                  std::set<std::string>& names) {
  for (const auto each : scope->getPrimaryContext()->lookups()) {
    for (const clang::NamedDecl* decl : each) add_name(decl, prefix, names);
  }
}

/// The members of a class and of those it is made from, as someone outside may use them.
void add_members(clang::CXXRecordDecl* record, std::string_view prefix,
                 std::set<std::string>& names, int depth = 0) {
  if (record == nullptr || depth > 16) return;
  for (clang::Decl* each : record->decls()) {
    const auto* decl = llvm::dyn_cast<clang::NamedDecl>(each);
    const bool is_type = llvm::isa<clang::TypeDecl>(each);
    if (decl != nullptr && !is_type && decl->getAccess() != clang::AS_private &&
        decl->getAccess() != clang::AS_protected) {
      add_name(decl, prefix, names);
    }
  }
  for (const clang::CXXBaseSpecifier& base : record->bases()) {
    if (base.getAccessSpecifier() == clang::AS_public) {
      add_members(base.getType()->getAsCXXRecordDecl(), prefix, names, depth + 1);
    }
  }
}

/// What `x->` reaches: the class that operator-> gives, else the one x points to.
clang::CXXRecordDecl* pointed_record(clang::ASTContext& context, clang::NamedDecl* variable) {
  clang::CXXRecordDecl* record = record_of(variable);
  if (record == nullptr) return nullptr;
  const auto name = context.DeclarationNames.getCXXOperatorName(clang::OO_Arrow);
  const auto lookup = [&](clang::CXXRecordDecl* in) -> clang::CXXRecordDecl* {
    for (clang::NamedDecl* decl : in->lookup(name)) {
      if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(decl)) {
        return function->getReturnType()->getPointeeCXXRecordDecl() == nullptr
                   ? nullptr
                   : const_cast<clang::CXXRecordDecl*>(
                         function->getReturnType()->getPointeeCXXRecordDecl());
      }
    }
    return nullptr;
  };
  if (auto* direct = lookup(record)) return direct;
  for (const clang::CXXBaseSpecifier& base : record->bases()) {
    if (auto* made = base.getType()->getAsCXXRecordDecl()) {
      if (auto* inherited = lookup(made)) return inherited;
    }
  }
  return record;
}

void describe_call(const clang::FunctionDecl* function, FunctionShape& shape) {
  shape.parameters = function->getNumParams();
  shape.required = function->getMinRequiredArguments();
  shape.is_template = shape.is_template || function->isVariadic();
}

std::optional<FunctionShape> shape_of(clang::NamedDecl* decl) {
  FunctionShape shape;
  shape.identity = decl;
  if (auto* made = llvm::dyn_cast<clang::FunctionTemplateDecl>(decl)) {
    shape.is_template = true;
    describe_call(made->getTemplatedDecl(), shape);
    return shape;
  }
  if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(decl)) {
    describe_call(function, shape);
    return shape;
  }
  auto* variable = llvm::dyn_cast<clang::VarDecl>(decl);
  if (variable == nullptr) return std::nullopt;
  shape.is_object = true;
  const clang::QualType type = variable->getType().getNonReferenceType();
  if (const auto* pointer = type->getAs<clang::PointerType>()) {
    const auto* function = pointer->getPointeeType()->getAs<clang::FunctionProtoType>();
    if (function == nullptr) return std::nullopt;
    shape.parameters = shape.required = function->getNumParams();
    return shape;
  }
  auto* record = record_of(variable);
  if (record == nullptr) return std::nullopt;
  int operators = 0;
  const auto name = decl->getASTContext().DeclarationNames.getCXXOperatorName(clang::OO_Call);
  for (clang::NamedDecl* each : record->lookup(name)) {
    ++operators;
    if (auto* made = llvm::dyn_cast<clang::FunctionTemplateDecl>(each)) {
      shape.is_template = true;
      describe_call(made->getTemplatedDecl(), shape);
    } else if (auto* function = llvm::dyn_cast<clang::FunctionDecl>(each)) {
      describe_call(function, shape);
    }
  }
  shape.is_template = shape.is_template || operators > 1;
  return operators == 0 ? std::nullopt : std::optional(shape);
}

}  // namespace

bool Interpreter::is_type(std::string_view name) {
  const auto found = find(parts_->clang->getASTContext(), name);
  return !found.empty() && (llvm::isa<clang::TypeDecl>(found.front()) ||
                            llvm::isa<clang::ClassTemplateDecl>(found.front()) ||
                            llvm::isa<clang::TypeAliasTemplateDecl>(found.front()));
}

std::vector<FunctionShape> Interpreter::functions(std::string_view name) {
  std::vector<FunctionShape> shapes;
  for (clang::NamedDecl* decl : find(parts_->clang->getASTContext(), name)) {
    if (auto shape = shape_of(decl)) shapes.push_back(*shape);
  }
  return shapes;
}

std::vector<std::string> Interpreter::completions(std::string_view scope, std::string_view prefix) {
  clang::ASTContext& context = parts_->clang->getASTContext();
  std::set<std::string> names;
  if (scope.empty()) {
    add_names_in(context.getTranslationUnitDecl(), prefix, names);
  } else if (scope.ends_with("::")) {
    for (clang::NamedDecl* decl : find(context, scope)) {
      if (auto* space = llvm::dyn_cast<clang::NamespaceDecl>(decl)) {
        add_names_in(space, prefix, names);
      } else if (auto* enumeration = llvm::dyn_cast<clang::EnumDecl>(decl)) {
        for (const auto* each : enumeration->enumerators()) add_name(each, prefix, names);
      } else if (auto* record = record_of(decl)) {
        add_names_in(record, prefix, names);
      }
    }
  } else {
    const bool arrow = scope.ends_with("->");
    for (clang::NamedDecl* decl : find(context, scope.substr(0, scope.size() - (arrow ? 2 : 1)))) {
      add_members(arrow ? pointed_record(context, decl) : record_of(decl), prefix, names);
    }
  }
  std::vector<std::string> list(names.begin(), names.end());
  if (list.size() > kCompletionsMax) list.resize(kCompletionsMax);
  return list;
}

std::optional<NameFacts> Interpreter::facts(std::string_view name) {
  clang::ASTContext& context = parts_->clang->getASTContext();
  const auto found = find(context, name);
  if (found.empty()) return std::nullopt;
  clang::PrintingPolicy policy(context.getLangOpts());
  policy.TerseOutput = true;
  policy.PolishForDeclaration = true;
  NameFacts facts;
  llvm::raw_string_ostream declaration(facts.declaration);
  for (const clang::NamedDecl* decl : found) {
    if (!facts.declaration.empty()) declaration << "\n";
    decl->print(declaration, policy);
    declaration.flush();
    const clang::SourceManager& sources = context.getSourceManager();
    if (const clang::RawComment* comment = context.getRawCommentForAnyRedecl(decl)) {
      if (facts.comment.empty()) {
        facts.comment = comment->getFormattedText(sources, context.getDiagnostics());
      }
    }
    const auto place = sources.getPresumedLoc(decl->getLocation());
    if (facts.place.empty() && place.isValid()) {
      facts.place = std::string(place.getFilename()) + ":" + std::to_string(place.getLine());
    }
  }
  return facts;
}

std::vector<std::string> Interpreter::variables() {
  std::set<std::string> names;
  clang::ASTContext& context = parts_->clang->getASTContext();
  for (const auto each : context.getTranslationUnitDecl()->getPrimaryContext()->lookups()) {
    for (const clang::NamedDecl* decl : each) {
      const auto* variable = llvm::dyn_cast<clang::VarDecl>(decl);
      if (variable == nullptr || variable->getIdentifier() == nullptr) continue;
      const auto place = context.getSourceManager().getPresumedLoc(variable->getLocation());
      if (place.isValid() && std::string_view(place.getFilename()).starts_with("cell")) {
        names.insert(variable->getNameAsString());
      }
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace trireme
