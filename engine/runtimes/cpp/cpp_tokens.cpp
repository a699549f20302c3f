// One pass over the text, then a check of brackets and #ifs.
#include "engine/runtimes/cpp/cpp_tokens.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace trireme {
namespace {

// Longest first. '>>' and '>=' are left apart: '>' may close a template argument list.
constexpr std::array<std::string_view, 23> kLongSymbols{
    "<=>", "<<=", "...", "->*", "::", "->", "++", "--", "<<", "<=", "==", "!=",
    "&&",  "||",  "+=",  "-=",  "*=", "/=", "%=", "&=", "|=", "^=", ".*"};

bool is_name_start(char each) {
  const auto byte = static_cast<unsigned char>(each);
  return std::isalpha(byte) != 0 || each == '_' || each == '$' || byte >= 0x80;
}
bool is_name_part(char each) {
  return is_name_start(each) || std::isdigit(static_cast<unsigned char>(each)) != 0;
}
bool is_digit(char each) { return std::isdigit(static_cast<unsigned char>(each)) != 0; }

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view source) : source_(source) {}

  CppTokens run() {
    while (at_ < source_.size()) step();
    check_nesting();
    return std::move(result_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool starts_with(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  void flaw(CppFlaw::Kind kind, std::size_t at, std::string what) {
    if (!result_.flaw || at < result_.flaw->at) result_.flaw = CppFlaw{kind, at, std::move(what)};
  }
  void add(CppToken::Kind kind, std::size_t begin) {
    result_.tokens.push_back({kind, begin, at_, source_.substr(begin, at_ - begin)});
  }

  void step() {
    const char each = peek();
    if (each == '\n') {
      line_is_blank_ = true;
      ++at_;
    } else if (std::isspace(static_cast<unsigned char>(each)) != 0 || starts_with("\\\n")) {
      at_ += each == '\\' ? 2 : 1;
      if (each == '\\' && at_ >= source_.size()) {
        flaw(CppFlaw::Kind::kContinued, at_ - 2, "a line that ends with a backslash");
      }
    } else if (starts_with("//")) {
      at_ = std::min(source_.find('\n', at_), source_.size());
    } else if (starts_with("/*")) {
      skip_comment();
    } else if (each == '#' && line_is_blank_) {
      read_directive();
    } else {
      line_is_blank_ = false;
      read_token();
    }
  }

  void skip_comment() {
    const auto end = source_.find("*/", at_ + 2);
    if (end == std::string_view::npos) flaw(CppFlaw::Kind::kUnclosed, at_, "/*");
    at_ = end == std::string_view::npos ? source_.size() : end + 2;
  }

  void read_directive() {
    const std::size_t begin = at_;
    while (at_ < source_.size() && peek() != '\n') {
      if (starts_with("\\\n")) {
        at_ += 2;
        if (at_ >= source_.size()) {
          flaw(CppFlaw::Kind::kContinued, begin, "a line that ends with a backslash");
        }
      } else if (starts_with("/*")) {
        skip_comment();
      } else if (starts_with("//")) {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else {
        ++at_;
      }
    }
    add(CppToken::Kind::kDirective, begin);
  }

  void read_token() {
    const std::size_t begin = at_;
    if (const std::size_t prefix = text_prefix()) {
      const bool is_raw = source_[at_ + prefix - 1] == 'R' || peek(prefix - 1) == 'R';
      at_ += prefix;
      is_raw ? read_raw_string(begin) : read_quoted(begin);
    } else if (peek() == '"' || peek() == '\'') {
      read_quoted(begin);
    } else if (is_name_start(peek())) {
      while (at_ < source_.size() && is_name_part(peek())) ++at_;
      add(CppToken::Kind::kName, begin);
    } else if (is_digit(peek()) || (peek() == '.' && is_digit(peek(1)))) {
      read_number(begin);
    } else {
      read_symbol(begin);
    }
  }

  /// Length of an encoding prefix before a quote; 0 when there is none.
  std::size_t text_prefix() const {
    for (const std::string_view prefix : {"u8R", "uR", "UR", "LR", "u8", "R", "u", "U", "L"}) {
      if (!starts_with(prefix)) continue;
      const char quote = peek(prefix.size());
      if (quote == '"' || (quote == '\'' && prefix.back() != 'R')) return prefix.size();
    }
    return 0;
  }

  void read_raw_string(std::size_t begin) {
    const auto open = source_.find('(', at_);
    const std::string close =
        open == std::string_view::npos
            ? std::string()
            : ")" + std::string(source_.substr(at_ + 1, open - at_ - 1)) + "\"";
    const auto end = close.empty() ? std::string_view::npos : source_.find(close, open);
    if (end == std::string_view::npos) flaw(CppFlaw::Kind::kUnclosed, begin, "a raw string");
    at_ = end == std::string_view::npos ? source_.size() : end + close.size();
    read_suffix();
    add(CppToken::Kind::kText, begin);
  }

  void read_quoted(std::size_t begin) {
    const char quote = peek();
    for (++at_; at_ < source_.size() && peek() != quote && peek() != '\n'; ++at_) {
      if (peek() == '\\') ++at_;
    }
    if (peek() != quote) {
      at_ = std::min(at_, source_.size());
      flaw(CppFlaw::Kind::kUnendedLine, begin, quote == '"' ? "a string" : "a character");
    } else {
      ++at_;
      read_suffix();
    }
    add(CppToken::Kind::kText, begin);
  }

  void read_suffix() {
    while (at_ < source_.size() && is_name_part(peek())) ++at_;
  }

  void read_number(std::size_t begin) {
    while (at_ < source_.size()) {
      const char each = peek();
      const bool sign = (each == '+' || each == '-') &&
                        std::string_view("eEpP").find(source_[at_ - 1]) != std::string_view::npos &&
                        at_ > begin;
      const bool separator = each == '\'' && is_name_part(peek(1));
      if (!is_name_part(each) && each != '.' && !sign && !separator) break;
      ++at_;
    }
    add(CppToken::Kind::kNumber, begin);
  }

  void read_symbol(std::size_t begin) {
    const auto* const longest =
        std::find_if(kLongSymbols.begin(), kLongSymbols.end(),
                     [this](std::string_view each) { return starts_with(each); });
    at_ += longest == kLongSymbols.end() ? 1 : longest->size();
    add(CppToken::Kind::kSymbol, begin);
  }

  void check_nesting() {
    std::vector<const CppToken*> open;
    std::vector<const CppToken*> conditions;
    for (const CppToken& token : result_.tokens) {
      if (token.kind == CppToken::Kind::kDirective) {
        check_condition(token, conditions);
      } else if (token.is("(") || token.is("[") || token.is("{")) {
        open.push_back(&token);
      } else if (token.is(")") || token.is("]") || token.is("}")) {
        const std::string_view partner = token.is(")") ? "(" : token.is("]") ? "[" : "{";
        if (open.empty() || open.back()->text != partner) {
          flaw(CppFlaw::Kind::kUnopened, token.begin, std::string(token.text));
          return;
        }
        open.pop_back();
      }
    }
    result_.depth = static_cast<int>(open.size());
    if (!open.empty()) {
      flaw(CppFlaw::Kind::kUnclosed, open.back()->begin, std::string(open.back()->text));
    }
    if (!conditions.empty()) flaw(CppFlaw::Kind::kUnclosed, conditions.back()->begin, "#if");
  }

  void check_condition(const CppToken& line, std::vector<const CppToken*>& open) {
    const std::string_view name = directive_name(line.text);
    if (name == "if" || name == "ifdef" || name == "ifndef") {
      open.push_back(&line);
    } else if (name == "endif" || name == "else" || name == "elif") {
      if (open.empty()) {
        flaw(CppFlaw::Kind::kUnopened, line.begin, "#" + std::string(name));
      } else if (name == "endif") {
        open.pop_back();
      }
    }
  }

  std::string_view source_;
  std::size_t at_ = 0;
  bool line_is_blank_ = true;  // nothing but space so far on this line
  CppTokens result_;
};

}  // namespace

CppTokens tokenize_cpp(std::string_view source) { return Tokenizer(source).run(); }

std::string_view directive_name(std::string_view line) {
  std::size_t begin = 1;
  while (begin < line.size() && (line[begin] == ' ' || line[begin] == '\t')) ++begin;
  std::size_t end = begin;
  while (end < line.size() && is_name_part(line[end])) ++end;
  return line.substr(begin, end - begin);
}

int line_of(std::string_view source, std::size_t at) {
  const auto before = source.substr(0, at);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

std::size_t column_of(std::string_view source, std::size_t at) {
  const auto line = source.substr(0, at).rfind('\n');
  return line == std::string_view::npos ? at : at - line - 1;
}

}  // namespace trireme
