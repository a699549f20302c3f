// Texts of shell scripts, and judgements on texts; pure.
#include "engine/runtimes/shell/shell_script.hpp"

#include <algorithm>
#include <cctype>

namespace trireme {
namespace {

// Variables that a shell sets itself are read-only or regain their values: errors about them go
// nowhere. Options come last, so that they do not disturb the restoring itself.
constexpr std::string_view kBashDriver = R"sh(
. /dev/fd/8 2>/dev/null
exec 8<&- 63>&7 7>&-
__trireme_leave() {
  local __trireme_options="$(set +o; shopt -p; alias -p)"
  set +eux
  trap - EXIT INT TERM DEBUG ERR RETURN
  {
    printf 'cd -- %q\numask %q\n' "$PWD" "$(umask)"
    declare -p
    declare -f
    printf '%s\n' "$__trireme_options"
  } >&63 2>/dev/null
}
trap __trireme_leave EXIT
. /dev/fd/9
)sh";

constexpr std::string_view kPlainDriver = R"sh(
. /dev/fd/8 2>/dev/null
exec 8<&-
__trireme_leave() {
  { pwd | sed "s/'/'\\\\''/g; s/^/cd -- '/; s/\$/'/"; echo "umask $(umask)"; export -p; } >&7
}
trap __trireme_leave EXIT
. /dev/fd/9
)sh";

bool is_name(char each) {
  return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_';
}

bool ends_with_backslash(std::string_view code) {
  const auto end = code.find_last_not_of('\n');
  if (end == std::string_view::npos || code[end] != '\\') return false;
  const auto before = code.find_last_not_of('\\', end);
  const std::size_t count = before == std::string_view::npos ? end + 1 : end - before;
  return count % 2 == 1 && end + 2 >= code.size();
}

}  // namespace

std::string driver_script(ShellKind kind) {
  return std::string(kind == ShellKind::kBash ? kBashDriver : kPlainDriver);
}

std::string cell_script(std::string_view code) { return "exec 9<&-; " + std::string(code) + "\n"; }

Completeness::State judge_completeness(std::string_view code, int exit_code,
                                       std::string_view messages) {
  const auto says = [&](std::string_view text) {
    return messages.find(text) != std::string_view::npos;
  };
  if (ends_with_backslash(code)) return Completeness::State::kIncomplete;
  if (says("unexpected end of file") || says("unexpected EOF") || says("end of file unexpected") ||
      says("here-document") || says("Unterminated quoted string")) {
    return Completeness::State::kIncomplete;
  }
  return exit_code == 0 ? Completeness::State::kComplete : Completeness::State::kInvalid;
}

ShellWord word_at(std::string_view code, std::size_t cursor) {
  cursor = std::min(cursor, code.size());
  const std::string_view before = code.substr(0, cursor);
  std::size_t name = cursor;
  while (name > 0 && is_name(code[name - 1])) --name;
  if (before.substr(0, name).ends_with("${") || before.substr(0, name).ends_with("$")) {
    return {ShellWord::Kind::kVariable, name, cursor};
  }
  const auto space = before.find_last_of(" \t\n;|&()<>`\"'=");
  const std::size_t begin = space == std::string_view::npos ? 0 : space + 1;
  const auto last = before.substr(0, begin).find_last_not_of(" \t");
  const bool is_first = last == std::string_view::npos ||
                        std::string_view("\n;|&(`").find(before[last]) != std::string_view::npos;
  const bool is_path = before.substr(begin).find('/') != std::string_view::npos;
  return {is_first && !is_path ? ShellWord::Kind::kCommand : ShellWord::Kind::kFile, begin, cursor};
}

}  // namespace trireme
