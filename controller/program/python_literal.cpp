// Values as people write them on command lines and in configuration files.
#include <cctype>
#include <optional>

#include "controller/program/traits.hpp"

namespace trireme {
namespace {

// Reads one literal after another from a text; the scalars Python people put into configurations.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  std::optional<TraitValue> read_all() {
    auto value = read_value();
    skip_space();
    return value && text_.empty() ? value : std::nullopt;
  }

 private:
  void skip_space() {
    while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.front())) != 0) {
      text_.remove_prefix(1);
    }
  }
  bool skip(char c) {
    skip_space();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<TraitValue> read_value() {
    skip_space();
    if (text_.empty()) return std::nullopt;
    if (text_.front() == '[' || text_.front() == '(') return read_list();
    return read_scalar();
  }

  std::optional<TraitValue> read_list() {
    const char close = text_.front() == '[' ? ']' : ')';
    text_.remove_prefix(1);
    TraitValue list;
    list.is_list = true;
    while (!skip(close)) {
      const auto item = read_scalar();
      if (!item) return std::nullopt;
      list.items.push_back(item->items.front());
      if (!skip(',')) {
        if (skip(close)) break;
        return std::nullopt;
      }
    }
    return list;
  }

  std::optional<TraitValue> read_scalar() {
    skip_space();
    if (text_.empty()) return std::nullopt;
    std::string_view rest = text_;
    if (rest.size() > 1 && (rest.front() == 'b' || rest.front() == 'u' || rest.front() == 'r') &&
        (rest[1] == '\'' || rest[1] == '"')) {
      text_.remove_prefix(1);
    }
    if (text_.front() == '\'' || text_.front() == '"') return read_string();
    std::size_t length = 0;
    while (length < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[length])) != 0 ||
            std::string_view("+-._").find(text_[length]) != std::string_view::npos)) {
      ++length;
    }
    std::string word(text_.substr(0, length));
    const bool known = word == "True" || word == "False" || word == "None";
    const bool number =
        !word.empty() && word.find_first_not_of("0123456789+-.eE_") == std::string::npos;
    if (!known && !number) return std::nullopt;
    text_.remove_prefix(length);
    std::erase_if(word, [&](char c) { return number && c == '_'; });
    TraitValue value{{word}};
    value.is_none = word == "None";
    if (value.is_none) value.items = {""};
    return value;
  }

  std::optional<TraitValue> read_string() {
    const char quote = text_.front();
    text_.remove_prefix(1);
    std::string content;
    while (!text_.empty() && text_.front() != quote) {
      char c = text_.front();
      text_.remove_prefix(1);
      if (c == '\\' && !text_.empty()) {
        c = text_.front();
        text_.remove_prefix(1);
        if (c == 'n') c = '\n';
        if (c == 't') c = '\t';
      }
      content += c;
    }
    if (!skip(quote)) return std::nullopt;
    return TraitValue{{content}};
  }

  std::string_view text_;
};

}  // namespace

TraitValue parse_argument_value(std::string_view text) {
  const bool looks_quoted = text.size() >= 2 && (text.front() == '[' || text.front() == '(' ||
                                                 text.front() == '\'' || text.front() == '"');
  if (looks_quoted) {
    if (auto value = LiteralReader(text).read_all()) return *value;
  }
  return TraitValue{{std::string(text)}};
}

Result<TraitValue> parse_python_literal(std::string_view text) {
  if (auto value = LiteralReader(text).read_all()) return *value;
  return Error{ErrorCode::kConfiguration,
               "'" + std::string(text) +
                   "' is not a literal; only strings, numbers, True, False, "
                   "None and lists of these can be read"};
}

}  // namespace trireme
