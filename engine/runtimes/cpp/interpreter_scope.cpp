// What names mean: taking back what a wrong text declared, and hiding what a text defines anew.
#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/DeclContextInternals.h>

#include <algorithm>

#include "engine/runtimes/cpp/interpreter_parts.hpp"

namespace trireme {
namespace {

void remove_from_lookup(clang::DeclContext* context, clang::NamedDecl* decl) {
  clang::StoredDeclsMap* map = context->getPrimaryContext()->getLookupPtr();
  if (map == nullptr) return;
  const auto found = map->find(decl->getDeclName());
  if (found == map->end()) return;
  for (clang::NamedDecl* each : found->second.getLookupResult()) {
    if (each == decl) {
      found->second.remove(decl);
      break;
    }
  }
  if (found->second.isNull()) map->erase(found);
}

/// From where it is declared and from the session, which sees what inline namespaces hold; the
/// former is returned.
clang::DeclContext* remove_everywhere(clang::DeclContext* session, clang::NamedDecl* decl) {
  clang::DeclContext* home = decl->getDeclContext()->getRedeclContext();
  remove_from_lookup(home, decl);
  if (home->getPrimaryContext() != session->getPrimaryContext()) remove_from_lookup(session, decl);
  return home;
}

bool is_known(clang::DeclContext* context, clang::NamedDecl* decl) {
  const auto found = context->getPrimaryContext()->lookup(decl->getDeclName());
  return std::any_of(found.begin(), found.end(), [&](const clang::NamedDecl* each) {
    return each->getCanonicalDecl() == decl->getCanonicalDecl();
  });
}

/// Undeclares what stands directly in `scope`; what was declared before is known again.
void forget_decls(clang::DeclContext* scope, const clang::TranslationUnitDecl* unit) {
  for (clang::Decl* each : scope->decls()) {
    if (auto* linkage = llvm::dyn_cast<clang::LinkageSpecDecl>(each)) forget_decls(linkage, unit);
    auto* decl = llvm::dyn_cast<clang::NamedDecl>(each);
    if (decl == nullptr || !decl->getDeclName()) continue;
    clang::DeclContext* home = decl->getDeclContext()->getRedeclContext();
    if (auto* space = llvm::dyn_cast<clang::NamespaceDecl>(decl)) forget_decls(space, unit);
    remove_from_lookup(home, decl);
    clang::Decl* before = decl->getPreviousDecl();
    while (before != nullptr && before->getTranslationUnitDecl() == unit) {
      before = before->getPreviousDecl();
    }
    auto* earlier = llvm::dyn_cast_or_null<clang::NamedDecl>(before);
    if (earlier != nullptr && !is_known(home, earlier)) home->makeDeclVisibleInContext(earlier);
  }
}

}  // namespace

void name_unnamed(clang::TranslationUnitDecl* unit) {
  clang::ASTContext& context = unit->getASTContext();
  for (clang::Decl* each : unit->decls()) {
    auto* decl = llvm::dyn_cast<clang::NamedDecl>(each);
    if (decl == nullptr) continue;
    const clang::DeclarationName name = decl->getDeclName();
    if (name.isEmpty() || name.getNameKind() == clang::DeclarationName::CXXUsingDirective) {
      decl->setDeclName(&context.Idents.get("__unnamed"));
    }
  }
}

void forget_names(clang::TranslationUnitDecl* unit) { forget_decls(unit, unit); }

bool Interpreter::hide(const Redefinition& thing) {
  clang::ASTContext& context = parts_->clang->getASTContext();
  clang::TranslationUnitDecl* session = context.getTranslationUnitDecl();
  const auto name = clang::DeclarationName::getFromOpaquePtr(const_cast<void*>(thing.name));
  const auto found = session->lookup(name);
  const std::vector<clang::NamedDecl*> decls(found.begin(), found.end());
  const auto is_it = [&](const clang::Decl* each) {
    return each->getLocation().getRawEncoding() == thing.before;
  };
  const auto was_named = [&](const clang::NamedDecl* decl) {
    const auto redeclarations = decl->redecls();
    return std::any_of(redeclarations.begin(), redeclarations.end(), is_it);
  };
  // Not every message says where the earlier one is: then all of the name are meant.
  const bool is_exact = std::any_of(decls.begin(), decls.end(), was_named);
  for (clang::NamedDecl* decl : decls) {
    if (is_exact && !was_named(decl)) continue;
    parts_->hidden.emplace_back(remove_everywhere(session, decl), decl);
  }
  return !decls.empty();
}

void Interpreter::hide_in_homes(const std::string& name, std::string_view home) {
  clang::ASTContext& context = parts_->clang->getASTContext();
  clang::TranslationUnitDecl* session = context.getTranslationUnitDecl();
  const auto found = session->lookup(clang::DeclarationName(&context.Idents.get(name)));
  const std::vector<clang::NamedDecl*> decls(found.begin(), found.end());
  for (clang::NamedDecl* decl : decls) {
    const auto* space =
        llvm::dyn_cast<clang::NamespaceDecl>(decl->getDeclContext()->getRedeclContext());
    if (space == nullptr || !space->getNameAsString().starts_with(home)) continue;
    parts_->hidden.emplace_back(remove_everywhere(session, decl), decl);
  }
}

void Interpreter::show_hidden() {
  for (auto& [home, decl] : std::exchange(parts_->hidden, {})) home->makeDeclVisibleInContext(decl);
}

}  // namespace trireme
