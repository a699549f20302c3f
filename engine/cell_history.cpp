// Ranges, tails and searches over a list of cells.
#include "engine/cell_history.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using Json = nlohmann::json;

std::int64_t number_of(const Json& content, const char* key, std::int64_t otherwise) {
  const auto found = content.find(key);
  return found != content.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                              : otherwise;
}

bool flag_of(const Json& content, const char* key) {
  const auto found = content.find(key);
  return found != content.end() && found->is_boolean() && found->get<bool>();
}

std::string text_of(const Json& content, const char* key) {
  const auto found = content.find(key);
  return found != content.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool fits_pattern(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;  // the latest one
  std::size_t star_text = 0;                  // where its run ends so far
  while (at < text.size()) {
    const bool one = in_pattern < pattern.size() &&
                     (pattern[in_pattern] == '?' || pattern[in_pattern] == text[at]);
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      star_text = at;
    } else if (one) {
      ++at, ++in_pattern;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++star_text;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

void CellHistory::add(int number, std::string code) {
  cells_.push_back({number, std::move(code), {}});
  if (cells_.size() > kCellsMax) cells_.pop_front();
}

void CellHistory::set_output(int number, std::string text) {
  const auto cell = std::find_if(cells_.rbegin(), cells_.rend(),
                                 [&](const Cell& each) { return each.number == number; });
  if (cell != cells_.rend()) cell->output = std::move(text);
}

std::string CellHistory::answer(std::string_view content_json) const {
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  Json content = Json::parse(content_json, nullptr, false);
  if (!content.is_object()) content = Json::object();
  const std::string kind = text_of(content, "hist_access_type");
  std::vector<const Cell*> chosen;
  for (const Cell& cell : cells_) chosen.push_back(&cell);
  std::int64_t count = kNoLimit;
  if (kind == "range") {
    const std::int64_t start = number_of(content, "start", 0);
    const std::int64_t stop = number_of(content, "stop", kNoLimit);
    std::erase_if(chosen,
                  [&](const Cell* cell) { return cell->number < start || cell->number >= stop; });
  } else {
    count = number_of(content, "n", kind == "tail" ? 10 : kNoLimit);
  }
  if (kind == "search") {
    const std::string pattern = text_of(content, "pattern");
    std::erase_if(chosen, [&](const Cell* cell) { return !fits_pattern(cell->code, pattern); });
    if (flag_of(content, "unique")) {
      std::set<std::string_view> seen;
      std::reverse(chosen.begin(), chosen.end());  // the latest of equals stays
      std::erase_if(chosen, [&](const Cell* cell) { return !seen.insert(cell->code).second; });
      std::reverse(chosen.begin(), chosen.end());
    }
  }
  const auto surplus = static_cast<std::int64_t>(chosen.size()) - std::max<std::int64_t>(count, 0);
  if (surplus > 0) chosen.erase(chosen.begin(), chosen.begin() + surplus);
  const bool with_output = flag_of(content, "output");
  Json history = Json::array();
  for (const Cell* cell : chosen) {
    Json line = cell->code;
    if (with_output) line = {cell->code, cell->output.empty() ? Json() : Json(cell->output)};
    history.push_back({kSession, cell->number, std::move(line)});
  }
  return Json{{"status", "ok"}, {"history", std::move(history)}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace trireme
