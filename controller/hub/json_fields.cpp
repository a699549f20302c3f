// Single fields through simdjson's on-demand reader.
#include "controller/hub/json_fields.hpp"

#include <simdjson.h>

#include "session/plain_json.hpp"

namespace trireme {

namespace {

namespace ondemand = simdjson::ondemand;

/// A parsed object whose text lives in a padded buffer of this thread until the next call.
struct OpenObject {
  ondemand::document document;
  ondemand::object object;
  bool is_open = false;

  explicit OpenObject(std::string_view json) {
    thread_local ondemand::parser parser;
    thread_local std::string buffer;
    buffer.assign(json);
    buffer.resize(json.size() + simdjson::SIMDJSON_PADDING);
    const simdjson::padded_string_view padded(buffer.data(), json.size(), buffer.size());
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return;
    is_open = document.get_object().get(object) == simdjson::SUCCESS;
  }
};

std::optional<std::string> read_string(ondemand::object& object, std::string_view key) {
  std::string_view text;
  if (object.find_field_unordered(key).get_string().get(text) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return std::string(text);
}

}  // namespace

std::optional<std::string> string_field(std::string_view json, std::string_view key) {
  std::optional<std::string_view> plain;
  const bool is_plain =
      visit_plain_object(json, [&](std::string_view name, std::string_view text, PlainKind kind) {
        if (name == key && kind == PlainKind::kString && !plain) plain = text;
      });
  if (is_plain && plain) return std::string(*plain);
  OpenObject open(json);
  if (!open.is_open) return std::nullopt;
  return read_string(open.object, key);
}

bool bool_field(std::string_view json, std::string_view key) {
  OpenObject open(json);
  bool value = false;
  if (!open.is_open) return false;
  return open.object.find_field_unordered(key).get_bool().get(value) == simdjson::SUCCESS && value;
}

std::optional<StreamContent> stream_content(std::string_view json) {
  OpenObject open(json);
  if (!open.is_open) return std::nullopt;
  auto name = read_string(open.object, "name");
  if (!name) return std::nullopt;  // after an error in its text an object must not be asked again
  auto text = read_string(open.object, "text");
  if (!text) return std::nullopt;
  return StreamContent{std::move(*name), std::move(*text)};
}

}  // namespace trireme
