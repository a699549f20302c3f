#include "controller/recovery/attempt_header.hpp"

#include <string>
#include <string_view>

#include "session/message.hpp"
#include "session/result.hpp"

namespace trireme {
namespace {

Frame with_key(const Frame& header_json, std::string_view key, const std::string& value_json) {
  const std::string_view text = header_json.view();
  const std::size_t end = text.rfind('}');
  TRIREME_CHECK(end != std::string_view::npos, "a parsed header is an object");
  return Frame(std::string(text.substr(0, end)) + ", " + json_quote(key) + ": " + value_json + "}");
}

}  // namespace

Frame numbered_header(const Frame& header_json, std::uint32_t attempt, std::string_view run) {
  const Frame numbered = with_key(header_json, "attempt", std::to_string(attempt));
  return run.empty() ? numbered : with_key(numbered, "run", json_quote(run));
}

Frame repeated_header(const Frame& header_json, Timestamp now) {
  return with_key(header_json, "repeated", json_quote(format_timestamp(now)));
}

}  // namespace trireme
