// Single fields out of a peer's JSON text, without building the rest of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trireme {

/// The string under this key of a JSON object; empty when there is none, or the text is no object.
std::optional<std::string> string_field(std::string_view json, std::string_view key);
/// The boolean under this key of a JSON object; false when there is none.
bool bool_field(std::string_view json, std::string_view key);

/// What an iopub `stream` message says.
struct StreamContent {
  std::string name;
  std::string text;
};
std::optional<StreamContent> stream_content(std::string_view json);

}  // namespace trireme
