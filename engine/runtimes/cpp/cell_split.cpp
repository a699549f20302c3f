// Where each part ends is seen from brackets and semicolons; what it is, from how it begins.
#include "engine/runtimes/cpp/cell_split.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace trireme {
namespace {

using Tokens = std::span<const CppToken>;

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 21> kDeclare{
    "struct",    "class",     "union",    "enum",         "template", "typedef",  "using",
    "namespace", "static",    "extern",   "inline",       "const",    "volatile", "constexpr",
    "consteval", "constinit", "typename", "thread_local", "concept",  "alignas",  "static_assert"};
constexpr std::array<std::string_view, 16> kBuiltIn{
    "auto",  "void",   "bool",     "char",    "short",   "int",      "long",     "signed",
    "float", "double", "unsigned", "wchar_t", "char8_t", "char16_t", "char32_t", "decltype"};
constexpr std::array<std::string_view, 15> kStatement{
    "if",    "for",      "while", "do",      "switch",    "try",      "return",  "goto",
    "break", "continue", "case",  "default", "co_return", "co_await", "co_yield"};
constexpr std::array<std::string_view, 5> kRecord{"struct", "class", "union", "enum", "typedef"};
constexpr std::array<std::string_view, 13> kWordOperators{
    "and",    "or",    "xor",    "not",    "bitand",   "bitor",   "compl",
    "and_eq", "or_eq", "xor_eq", "not_eq", "requires", "noexcept"};

/// Index of the bracket that closes the one at `open`; the last token when there is none.
std::size_t closing(Tokens tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].is("(") || tokens[i].is("[") || tokens[i].is("{")) ++depth;
    if (tokens[i].is(")") || tokens[i].is("]") || tokens[i].is("}")) {
      if (--depth == 0) return i;
    }
  }
  return tokens.size() - 1;
}

/// Index after the template argument list that may open at `open`; `open` when it is none.
std::size_t after_angles(Tokens tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].is("<")) ++depth;
    if (tokens[i].is(">") && --depth == 0) return i + 1;
    if (tokens[i].is("(") || tokens[i].is("[") || tokens[i].is("{")) i = closing(tokens, i);
    if (tokens[i].is(";") || tokens[i].is("&&") || tokens[i].is("||") || tokens[i].is("<<")) break;
  }
  return open;
}

/// Index after `a::b<c>::d` (or `::a`) at the beginning of `tokens`; 0 when there is none.
std::size_t after_path(Tokens tokens) {
  std::size_t at = 0;
  if (at < tokens.size() && tokens[at].is("::")) ++at;
  for (;;) {
    if (at < tokens.size() && tokens[at].is("~")) ++at;
    if (at >= tokens.size() || tokens[at].kind != CppToken::Kind::kName) return 0;
    ++at;
    if (at < tokens.size() && tokens[at].is("<")) at = after_angles(tokens, at);
    if (at >= tokens.size() || !tokens[at].is("::")) return at;
    ++at;
    if (at < tokens.size() && tokens[at].is("operator")) return at;
  }
}

/// What the braces of a part mean for where it ends.
enum class Braces { kBody, kMembers, kInitializer };

/// Skips `template <...>` and attributes.
std::size_t after_introduction(Tokens part) {
  std::size_t at = 0;
  for (bool moved = true; moved && at < part.size();) {
    moved = false;
    if (part[at].is("template") && at + 1 < part.size() && part[at + 1].is("<")) {
      const std::size_t end = after_angles(part, at + 1);
      moved = end > at + 1;
      if (moved) at = end;
    } else if (part[at].is("[") && at + 1 < part.size() && part[at + 1].is("[")) {
      at = closing(part, at) + 1;
      moved = true;
    }
  }
  return at;
}

/// Judges the brace at `brace` at depth 0 of a part that begins with part[0].
Braces judge_brace(Tokens part, std::size_t brace) {
  if (brace == 0) return Braces::kBody;
  const std::size_t first = std::min(after_introduction(part), brace - 1);
  const CppToken& before = part[brace - 1];
  if (one_of(part[first].text, kStatement) || part[first].is("namespace")) return Braces::kBody;
  if (part[first].is("extern") && before.kind == CppToken::Kind::kText) return Braces::kBody;
  if (part[first].is("inline") && first + 1 < brace && part[first + 1].is("namespace")) {
    return Braces::kBody;
  }
  if (before.is("else") || before.is("do") || before.is("try")) return Braces::kBody;
  if (part[first].is("concept")) return Braces::kInitializer;
  bool has_parameters = false;
  bool in_trailer = false;  // after the parameters: what is named there may be a return type
  for (std::size_t i = first; i < brace; ++i) {
    if (part[i].is("=") && !(i > 0 && part[i - 1].is("operator"))) return Braces::kInitializer;
    if (part[i].is("[") && (i == first || !part[i - 1].is("operator"))) {
      const bool is_lambda = i == first || part[i - 1].kind == CppToken::Kind::kSymbol;
      if (is_lambda || part[i - 1].is("return")) return Braces::kInitializer;
    }
    if (part[i].is("(")) {
      const bool after_operator = i > 0 && part[i - 1].is("operator");
      i = closing(part, i);
      has_parameters = has_parameters || !after_operator;
    } else if (part[i].is("{")) {
      i = closing(part, i);
    } else if (part[i].is("->") && has_parameters) {
      in_trailer = true;
    }
  }
  if (has_parameters) {
    const bool ends_function = before.is(")") || before.is("}") || before.is("const") ||
                               before.is("noexcept") || before.is("override") ||
                               before.is("final") || before.is("&") || before.is("&&") ||
                               in_trailer;
    return ends_function ? Braces::kBody : Braces::kInitializer;
  }
  const bool is_record =
      std::any_of(part.begin() + static_cast<std::ptrdiff_t>(first),
                  part.begin() + static_cast<std::ptrdiff_t>(brace),
                  [](const CppToken& each) { return one_of(each.text, kRecord); });
  return is_record ? Braces::kMembers : Braces::kInitializer;
}

/// Where one part ends.
struct Extent {
  std::size_t count = 0;  // tokens, a last semicolon included
  bool has_semicolon = false;
  bool has_body = false;  // it ends with a function's or statement's body
};

/// Whether what follows at `next` belongs to the statement before it all the same.
bool goes_on(Tokens tokens, std::size_t next) {
  if (next >= tokens.size()) return false;
  if (tokens[next].is("else") || tokens[next].is("catch")) return true;
  return tokens[next].is("while") && tokens.front().is("do");
}

Extent extent_of(Tokens tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind == CppToken::Kind::kDirective) return {i, false, false};
    if (tokens[i].is(";") && !goes_on(tokens, i + 1)) return {i + 1, true, false};
    if (tokens[i].is("{")) {
      const Braces braces = judge_brace(tokens, i);
      i = closing(tokens, i);
      if (braces == Braces::kBody && !goes_on(tokens, i + 1)) return {i + 1, false, true};
    } else if (tokens[i].is("(") || tokens[i].is("[")) {
      i = closing(tokens, i);
    }
  }
  return {tokens.size(), false, false};
}

/// Index after the #endif that ends the condition at `begin`.
std::size_t after_condition(Tokens tokens, std::size_t begin) {
  int depth = 0;
  for (std::size_t i = begin; i < tokens.size(); ++i) {
    if (tokens[i].kind != CppToken::Kind::kDirective) continue;
    const std::string_view name = directive_name(tokens[i].text);
    if (name.starts_with("if")) ++depth;
    if (name.starts_with("endif")) --depth;
    if (depth == 0) return i + 1;
  }
  return tokens.size();
}

struct Verdict {
  bool is_declaration;
  bool is_sure;
};

/// A part that begins with a name (or `::`) that is no keyword.
Verdict judge_named(Tokens part, const Extent& extent, std::string_view source,
                    const IsType& is_type) {
  const std::size_t path_end = after_path(part);
  if (path_end == 0 || path_end >= part.size()) return {false, true};
  const CppToken& next = part[path_end];
  const auto has_operator = [&] {
    return std::any_of(part.begin(), part.end(),
                       [](const CppToken& each) { return each.is("operator"); });
  };
  if (next.is("operator")) return {true, true};
  if (next.kind == CppToken::Kind::kName) return {!one_of(next.text, kWordOperators), true};
  if (next.is("*") || next.is("&") || next.is("&&")) {
    std::size_t name = path_end;
    while (name < part.size() && (part[name].is("*") || part[name].is("&") || part[name].is("&&") ||
                                  part[name].is("const"))) {
      ++name;
    }
    if (name >= part.size() || part[name].kind != CppToken::Kind::kName) return {false, true};
    if (extent.has_body || (name + 1 < part.size() && has_operator())) return {true, false};
    const std::size_t begin = part.front().begin;
    return {is_type(source.substr(begin, part[path_end - 1].end - begin)), false};
  }
  if (next.is("(")) return {extent.has_body, extent.has_body};  // a constructor of a class, maybe
  return {false, true};
}

Verdict judge(Tokens part, const Extent& extent, std::string_view source, const IsType& is_type) {
  const CppToken& first = part.front();
  if (first.is("[")) return {part.size() > 1 && part[1].is("["), true};
  if (first.is("inline") || first.is("asm")) return {first.is("inline"), true};
  if (first.kind != CppToken::Kind::kName && !first.is("::")) return {false, true};
  if (one_of(first.text, kStatement)) return {false, true};
  if (one_of(first.text, kDeclare)) return {true, true};
  if (one_of(first.text, kBuiltIn)) {
    if (first.is("decltype") || part.size() < 2) return {true, false};
    return {!part[1].is("(") && !part[1].is("{"), true};
  }
  static constexpr std::array<std::string_view, 15> kExpression{
      "new",  "delete", "throw",   "sizeof",      "alignof",    "typeid",       "this",
      "true", "false",  "nullptr", "static_cast", "const_cast", "dynamic_cast", "reinterpret_cast",
      "not"};
  if (one_of(first.text, kExpression) || one_of(first.text, kWordOperators)) return {false, true};
  return judge_named(part, extent, source, is_type);
}

/// The name that a declaration introduces first; empty when it is not plain to see.
std::string declared_name(Tokens part) {
  for (std::size_t i = after_introduction(part); i < part.size(); ++i) {
    if (part[i].is("<")) i = std::max(after_angles(part, i), i + 1) - 1;
    const bool ends_name = part[i].is("(") || part[i].is("[") || part[i].is("{") ||
                           part[i].is("=") || part[i].is(":") || part[i].is(";") || part[i].is(",");
    if (!ends_name) continue;
    const bool is_plain = i > 0 && part[i - 1].kind == CppToken::Kind::kName &&
                          !(i > 1 && (part[i - 2].is("::") || part[i - 2].is("operator")));
    return is_plain ? std::string(part[i - 1].text) : std::string();
  }
  return {};
}

CellPart make_part(Tokens part, const Extent& extent, bool is_last, std::string_view source,
                   const IsType& is_type) {
  const Verdict verdict = judge(part, extent, source, is_type);
  CellPart made{CellPart::Kind::kStatement, part.front().begin, part.back().end};
  made.is_sure = verdict.is_sure;
  if (verdict.is_declaration) {
    made.kind = CellPart::Kind::kDeclaration;
    made.name = declared_name(part);
    made.wants_semicolon = !extent.has_semicolon && !extent.has_body;
  } else if (is_last && !extent.has_semicolon && !extent.has_body &&
             !one_of(part.front().text, kStatement) && !part.front().is("throw")) {
    made.kind = CellPart::Kind::kExpression;
  } else {
    made.wants_semicolon = !extent.has_semicolon && !extent.has_body;
  }
  return made;
}

}  // namespace

std::vector<CellPart> split_cell(std::string_view source, const CppTokens& tokens,
                                 const IsType& is_type) {
  std::vector<CellPart> parts;
  const Tokens all(tokens.tokens);
  bool prepared = false;  // by a directive that may matter to headers
  for (std::size_t at = 0; at < all.size();) {
    if (all[at].kind == CppToken::Kind::kDirective) {
      const std::size_t end = std::max(after_condition(all, at), at + 1);
      const bool is_include = directive_name(all[at].text) == "include";
      prepared = prepared || !is_include;
      parts.push_back({.kind = CellPart::Kind::kDeclaration,
                       .begin = all[at].begin,
                       .end = all[end - 1].end,
                       .is_directive = true,
                       .is_header = is_include && !prepared});
      at = end;
    } else if (all[at].is(";")) {
      ++at;
    } else {
      const Extent extent = extent_of(all.subspan(at));
      const bool is_last = at + extent.count == all.size();
      parts.push_back(make_part(all.subspan(at, extent.count), extent, is_last, source, is_type));
      at += extent.count;
    }
  }
  return parts;
}

}  // namespace trireme
