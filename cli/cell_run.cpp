// Calls, and what is new in their output.
#include "cli/cell_run.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include <trireme/client.hpp>

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"

namespace trireme::cli {
namespace {

constexpr std::chrono::milliseconds kLookInterval{30};
/// Output may arrive a little after the result.
constexpr std::chrono::seconds kLateOutput{5};
constexpr int kEngineIdMax = 1 << 20;

/// One engine's part of a cell.
struct Part {
  AsyncResult<ExecuteResult> call;
  LabelledLines out;
  LabelledLines err;
  std::size_t out_shown = 0;
  std::size_t err_shown = 0;
};

void follow(Part& part) {
  const TaskInfo task = part.call.task(0);
  const auto news = [](const std::string& text, std::size_t& shown) {
    const std::size_t from = std::exchange(shown, std::max(shown, text.size()));
    return std::string_view(text).substr(std::min(from, text.size()));
  };
  part.out.add(news(task.stdout_text, part.out_shown));
  part.err.add(news(task.stderr_text, part.err_shown));
}

/// Prints the value or the failure; true for a value.
bool finish(Part& part) {
  part.call.wait_for_output(kLateOutput);
  follow(part);
  part.out.finish();
  part.err.finish();
  if (!part.call.task(0).output_whole) {
    part.err.add("(a part of the output was lost while the controller was away)");
    part.err.finish();
  }
  try {
    const ExecuteResult result = part.call.get();
    for (const Value& display : result.displays) {
      const Value* data = display.find("data");
      const Value* text = data == nullptr ? nullptr : data->find("text/plain");
      if (text != nullptr && text->is_string()) part.out.add(text->as_string());
      part.out.finish();
    }
    part.out.add(result.text());
    part.out.finish();
    return true;
  } catch (const RemoteError& error) {
    const RemoteFailure& failure = error.failure();
    for (const std::string& line : failure.traceback) {
      part.err.add(line);
      part.err.finish();
    }
    if (failure.traceback.empty()) part.err.add(failure.ename + ": " + failure.evalue);
  } catch (const Exception& error) {
    part.err.add(error.what());
  }
  part.err.finish();
  return false;
}

[[noreturn]] void complain_of(const std::string& list) {
  throw CommandFailed(kExitUsage,
                      "'" + list + "' names no engines; write ids such as 0,2 or 4-7, or all");
}

int read_id(std::string_view text, const std::string& list) {
  int id = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool whole = failed == std::errc() && end == text.data() + text.size();
  if (!whole || id < 0 || id > kEngineIdMax) complain_of(list);
  return id;
}

/// Ids as they are written.
std::vector<int> read_ids(const std::string& list) {
  std::vector<int> ids;
  std::string_view rest = list;
  while (true) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, comma);
    const std::size_t dash = std::min(item.find('-'), item.size());
    const int first = read_id(item.substr(0, dash), list);
    const int last = dash == item.size() ? first : read_id(item.substr(dash + 1), list);
    for (int id = first; id <= last; ++id) ids.push_back(id);
    if (comma == rest.size()) return ids;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

void LabelledLines::add(std::string_view text) {
  if (label_.empty()) {
    if (!text.empty()) write_(std::string(text));
    if (!text.empty()) rest_ = text.back() == '\n' ? "" : "begun";
    return;
  }
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    write_(label_ + std::exchange(rest_, {}) + std::string(text.substr(0, end + 1)));
    text.remove_prefix(end + 1);
  }
  rest_ += text;
}

void LabelledLines::finish() {
  if (rest_.empty()) return;
  write_(label_.empty() ? "\n" : label_ + rest_ + "\n");
  rest_.clear();
}

std::vector<int> chosen_engines(const Client& client, const std::string& list) {
  std::vector<int> there = client.ids();
  if (there.empty()) {
    throw CommandFailed(kExitFailed, "the cluster has no engines; add some: trireme engines add");
  }
  if (list.empty() || list == "all") return there;
  std::vector<int> ids = read_ids(list);
  for (const int id : ids) {
    if (std::find(there.begin(), there.end(), id) == there.end()) {
      throw CommandFailed(
          kExitFailed, "there is no engine " + std::to_string(id) + "; trireme status lists them");
    }
  }
  return ids;
}

bool run_cell(const Client& client, const std::vector<int>& engines, const std::string& code,
              const std::function<bool()>& interrupted) {
  std::vector<Part> parts;
  parts.reserve(engines.size());
  for (const int id : engines) {
    const std::string label = engines.size() > 1 ? "[" + std::to_string(id) + "] " : "";
    parts.push_back({client.engine(id).execute(code), LabelledLines(label, &print),
                     LabelledLines(label, &print_error)});
  }
  bool asked = false;
  const auto all_ready = [&] {
    return std::all_of(parts.begin(), parts.end(), [](const Part& p) { return p.call.ready(); });
  };
  while (!all_ready()) {
    for (Part& part : parts) follow(part);
    if (!asked && interrupted()) {
      client.interrupt(engines);
      asked = true;
    }
    const auto waits = std::find_if(parts.begin(), parts.end(),
                                    [](const Part& part) { return !part.call.ready(); });
    if (waits != parts.end()) waits->call.wait_for(kLookInterval);
  }
  bool good = true;
  for (Part& part : parts) good = finish(part) && good;
  return good;
}

}  // namespace trireme::cli
