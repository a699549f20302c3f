// Look-ups that never fail loudly.
#include "tests/sim/json_probe.hpp"

#include <nlohmann/json.hpp>

namespace trireme::sim {
namespace {

using nlohmann::json;

json member(std::string_view text, std::string_view key) {
  json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return {};
  const auto found = object.find(std::string(key));
  return found == object.end() ? json() : std::move(*found);
}

}  // namespace

std::optional<std::string> text_at(std::string_view text, std::string_view key) {
  const json value = member(text, key);
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

std::optional<std::int64_t> number_at(std::string_view text, std::string_view key) {
  const json value = member(text, key);
  if (!value.is_number_integer()) return std::nullopt;
  return value.get<std::int64_t>();
}

std::vector<std::string> texts_at(std::string_view text, std::string_view key) {
  std::vector<std::string> texts;
  for (const json& element : member(text, key)) {
    if (element.is_string()) texts.push_back(element.get<std::string>());
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> members_at(std::string_view text,
                                                            std::string_view key) {
  std::vector<std::pair<std::string, std::string>> members;
  const json value = member(text, key);
  if (!value.is_object()) return members;
  for (const auto& [name, element] : value.items()) {
    if (element.is_string()) members.emplace_back(name, element.get<std::string>());
  }
  return members;
}

std::optional<std::string> json_at(std::string_view text, std::string_view key,
                                   std::string_view inner) {
  const json value = member(text, key);
  if (!value.is_object()) return std::nullopt;
  const auto found = value.find(std::string(inner));
  if (found == value.end()) return std::nullopt;
  return found->dump();
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) {
    if (list.size() > 1) list += ", ";
    list += "\"" + text + "\"";
  }
  return list + "]";
}

}  // namespace trireme::sim
