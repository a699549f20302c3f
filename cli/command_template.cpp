#include "cli/command_template.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>

namespace trireme::cli {
namespace {

struct Placeholder {
  std::string_view mark;
  std::string (*text)(const std::string& input, std::size_t index);
};

/// Longer marks stand before those they begin with.
constexpr std::array kPlaceholders{
    Placeholder{"{//}",
                [](const std::string& input, std::size_t) {
                  const auto folder = std::filesystem::path(input).parent_path().string();
                  return folder.empty() ? std::string(".") : folder;
                }},
    Placeholder{"{/}",
                [](const std::string& input, std::size_t) {
                  return std::filesystem::path(input).filename().string();
                }},
    Placeholder{"{.}",
                [](const std::string& input, std::size_t) {
                  return std::filesystem::path(input).replace_extension().string();
                }},
    Placeholder{"{#}",
                [](const std::string&, std::size_t index) { return std::to_string(index + 1); }},
    Placeholder{"{}", [](const std::string& input, std::size_t) { return input; }},
};

const Placeholder* placeholder_at(std::string_view text) {
  for (const Placeholder& placeholder : kPlaceholders) {
    if (text.starts_with(placeholder.mark)) return &placeholder;
  }
  return nullptr;
}

/// `text` with its placeholders filled in; counts them in `filled`.
std::string fill(std::string_view text, const std::string& input, std::size_t index, bool quoted,
                 std::size_t& filled) {
  std::string result;
  while (!text.empty()) {
    const Placeholder* placeholder = placeholder_at(text);
    if (placeholder == nullptr) {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string replacement = placeholder->text(input, index);
    result += quoted ? shell_quote(replacement) : replacement;
    text.remove_prefix(placeholder->mark.size());
    ++filled;
  }
  return result;
}

bool is_plain(char c) {
  constexpr std::string_view kPlain = "@%+=:,./-_";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kPlain.find(c) != std::string_view::npos;
}

}  // namespace

Result<MapWords> split_at_inputs(const std::vector<std::string>& words) {
  const auto mark = std::find(words.begin(), words.end(), ":::");
  MapWords split;
  split.command.assign(words.begin(), mark);
  if (mark != words.end()) split.inputs.emplace(mark + 1, words.end());
  if (split.command.empty()) {
    return Error{ErrorCode::kUsage, "no command given; write: trireme map COMMAND... ::: INPUT..."};
  }
  return split;
}

std::vector<std::string> command_for(const std::vector<std::string>& command,
                                     const std::string& input, std::size_t index) {
  std::vector<std::string> words;
  std::size_t filled = 0;
  for (const std::string& word : command) words.push_back(fill(word, input, index, false, filled));
  if (filled == 0) words.push_back(input);
  return words;
}

std::string shell_line_for(const std::string& line, const std::string& input, std::size_t index) {
  std::size_t filled = 0;
  std::string result = fill(line, input, index, true, filled);
  if (filled == 0) result += " " + shell_quote(input);
  return result;
}

std::string shell_quote(std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string shell_words(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += shell_quote(word);
  }
  return line;
}

std::string join(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += word;
  }
  return line;
}

std::vector<std::string> split_inputs(std::string_view text, char separator) {
  std::vector<std::string> inputs;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) inputs.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return inputs;
}

}  // namespace trireme::cli
