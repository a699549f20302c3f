// Looks up single things in JSON texts, for peers that read no more than they need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trireme::sim {

/// Members of an object; empty when the text or the member is not what was asked for.
std::optional<std::string> text_at(std::string_view json, std::string_view key);
std::optional<std::int64_t> number_at(std::string_view json, std::string_view key);
std::vector<std::string> texts_at(std::string_view json, std::string_view key);
/// The members of the object at `key` whose values are texts.
std::vector<std::pair<std::string, std::string>> members_at(std::string_view json,
                                                            std::string_view key);
/// The member `inner` of the object at `key`, as JSON text.
std::optional<std::string> json_at(std::string_view json, std::string_view key,
                                   std::string_view inner);

/// `["a", "b"]`; the texts need no escapes.
std::string json_list(const std::vector<std::string>& texts);

}  // namespace trireme::sim
