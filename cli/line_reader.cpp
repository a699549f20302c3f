// libedit if the dynamic loader finds it, else plain lines: a program of ours needs no library for
// the one command that talks to a person.
#include "cli/line_reader.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <utility>

#include "cli/output.hpp"

namespace trireme::cli {
namespace {

/// Where words begin: names, not what leads to them, are completed.
constexpr const char* kWordBreaks = " \t\n\"\\'`@$><=;|&{}()[]+-*/%!~^?:,.#";

/// The few functions of libedit's readline face that are needed; null without the library.
struct Editor {
  using Attempt = char** (*)(const char* word, int begin, int end);

  char* (*readline)(const char* prompt) = nullptr;
  int (*add_history)(const char* line) = nullptr;
  int (*read_history)(const char* file) = nullptr;
  int (*write_history)(const char* file) = nullptr;
  // Variables of the library; null without completion.
  char** line = nullptr;
  int* cursor = nullptr;
  int* only_attempt = nullptr;
  int* append = nullptr;
  const char** word_breaks = nullptr;
  Attempt* attempt = nullptr;

  Editor() {
    void* library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    find(library, "add_history", add_history);
    find(library, "read_history", read_history);
    find(library, "write_history", write_history);
    find(library, "readline", readline);
    find(library, "rl_line_buffer", line);
    find(library, "rl_point", cursor);
    find(library, "rl_attempted_completion_over", only_attempt);
    find(library, "rl_completion_append_character", append);
    find(library, "rl_basic_word_break_characters", word_breaks);
    find(library, "rl_attempted_completion_function", attempt);
    if (add_history == nullptr || read_history == nullptr || write_history == nullptr) {
      readline = nullptr;
    }
  }

 private:
  template <class Pointer>
  static void find(void* library, const char* name, Pointer& into) {
    into = reinterpret_cast<Pointer>(dlsym(library, name));
  }
};

const Editor& editor() {
  static const Editor only;
  return only;
}

/// Of the one reader that lives: libedit gives its callbacks nothing to know it by.
LineReader::Completer& completer_in_use() {
  static LineReader::Completer only;
  return only;
}

std::string common_beginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const std::string& word : words) {
    const auto differs = std::mismatch(common.begin(), common.end(), word.begin(), word.end());
    common.erase(differs.first, common.end());
  }
  return common;
}

/// Called by libedit, which frees what it gets: what the matches have in common, and they, and
/// null.
char** attempt_completion(const char* word, int, int) {
  *editor().only_attempt = 1;  // no names of files instead
  const std::string_view line(*editor().line);
  const std::size_t end = std::min(static_cast<std::size_t>(*editor().cursor), line.size());
  const std::size_t begin = end - std::min(end, std::strlen(word));
  std::vector<std::string> found = completer_in_use()(line, begin, end);
  if (found.empty()) return nullptr;
  found.insert(found.begin(), common_beginning(found));
  auto** matches = static_cast<char**>(std::calloc(found.size() + 1, sizeof(char*)));
  if (matches == nullptr) return nullptr;
  for (std::size_t i = 0; i < found.size(); ++i) matches[i] = strdup(found[i].c_str());
  return matches;
}

}  // namespace

LineReader::LineReader(std::filesystem::path history_file)
    : history_file_(std::move(history_file)),
      edits_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 &&
             editor().readline != nullptr) {
  if (!edits_) return;
  std::setlocale(LC_CTYPE, "");
  editor().read_history(history_file_.c_str());
}

LineReader::~LineReader() {
  if (edits_) editor().write_history(history_file_.c_str());
  completer_in_use() = nullptr;
}

void LineReader::complete_with(Completer completer) {
  const Editor& known = editor();
  const bool completes = edits_ && known.line != nullptr && known.cursor != nullptr &&
                         known.only_attempt != nullptr && known.append != nullptr &&
                         known.word_breaks != nullptr && known.attempt != nullptr;
  if (!completes) return;
  completer_in_use() = std::move(completer);
  *known.word_breaks = kWordBreaks;
  *known.append = '\0';
  *known.attempt = &attempt_completion;
}

std::optional<std::string> LineReader::read(const std::string& prompt) {
  if (edits_) {
    char* line = editor().readline(prompt.c_str());
    if (line == nullptr) return std::nullopt;
    std::string text = line;
    std::free(line);
    return text;
  }
  if (isatty(STDIN_FILENO) != 0) print(prompt);
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

void LineReader::remember(const std::string& line) {
  if (edits_ && !line.empty()) editor().add_history(line.c_str());
}

}  // namespace trireme::cli
