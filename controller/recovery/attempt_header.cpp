#include "controller/recovery/attempt_header.hpp"

#include <string>
#include <string_view>

#include "session/result.hpp"

namespace trireme {

Frame numbered_header(const Frame& header_json, std::uint32_t attempt) {
  const std::string_view text = header_json.view();
  const std::size_t end = text.rfind('}');
  TRIREME_CHECK(end != std::string_view::npos, "a parsed header is an object");
  return Frame(std::string(text.substr(0, end)) + R"(, "attempt": )" + std::to_string(attempt) +
               "}");
}

}  // namespace trireme
