// One spelling for equal JSON values, so that equality of values is equality of texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trireme {

/// The value with keys sorted, white space gone, whole numbers without a fraction and strings that
/// are dates in UTC with six digits. Empty when the text is not JSON or nested too deeply.
std::optional<std::string> canonical_json(std::string_view text);

inline constexpr int kCanonicalJsonDepthMax = 256;

}  // namespace trireme
