#include "db/canonical_json.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "db/record_json.hpp"
#include "session/clock.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53

void append_string(std::string& out, const std::string& text) {
  const auto instant = parse_timestamp(text);
  out += json_string(instant ? format_timestamp(*instant) : text);
}

void append_number(std::string& out, const Json& value) {
  const auto* real = value.get_ptr<const Json::number_float_t*>();
  if (real != nullptr && std::abs(*real) < kExactIntegerMax && std::trunc(*real) == *real) {
    out += std::to_string(static_cast<long long>(*real));
  } else {
    out += value.dump();
  }
}

bool append_value(std::string& out, const Json& value, int depth) {
  if (depth > kCanonicalJsonDepthMax) return false;
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      if (!first) out += ',';
      first = false;
      out += json_string(key) + ":";
      if (!append_value(out, member, depth + 1)) return false;
    }
    out += '}';
  } else if (value.is_array()) {
    out += '[';
    bool first = true;
    for (const Json& element : value) {
      if (!first) out += ',';
      first = false;
      if (!append_value(out, element, depth + 1)) return false;
    }
    out += ']';
  } else if (value.is_string()) {
    append_string(out, value.get_ref<const std::string&>());
  } else if (value.is_number()) {
    append_number(out, value);
  } else {
    out += value.dump();
  }
  return true;
}

}  // namespace

std::optional<std::string> canonical_json(std::string_view text) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  std::string out;
  if (!append_value(out, value, 0)) return std::nullopt;
  return out;
}

}  // namespace trireme
