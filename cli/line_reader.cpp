// libedit if the dynamic loader finds it, else plain lines: a program of ours needs no library for
// the one command that talks to a person.
#include "cli/line_reader.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <utility>

#include "cli/output.hpp"

namespace trireme::cli {
namespace {

/// The few functions of libedit's readline face that are needed; null without the library.
struct Editor {
  char* (*readline)(const char* prompt) = nullptr;
  int (*add_history)(const char* line) = nullptr;
  int (*read_history)(const char* file) = nullptr;
  int (*write_history)(const char* file) = nullptr;

  Editor() {
    void* library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    find(library, "add_history", add_history);
    find(library, "read_history", read_history);
    find(library, "write_history", write_history);
    find(library, "readline", readline);
    if (add_history == nullptr || read_history == nullptr || write_history == nullptr) {
      readline = nullptr;
    }
  }

 private:
  template <class Function>
  static void find(void* library, const char* name, Function& into) {
    into = reinterpret_cast<Function>(dlsym(library, name));
  }
};

const Editor& editor() {
  static const Editor only;
  return only;
}

}  // namespace

LineReader::LineReader(std::filesystem::path history_file)
    : history_file_(std::move(history_file)),
      edits_(isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0 &&
             editor().readline != nullptr) {
  if (edits_) editor().read_history(history_file_.c_str());
}

LineReader::~LineReader() {
  if (edits_) editor().write_history(history_file_.c_str());
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
