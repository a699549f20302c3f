#include "tests/fuzz/corpus.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "session/wire.hpp"
#include "tests/unit/session/captured_pickles.hpp"

namespace trireme::fuzz {
namespace {

using nlohmann::json;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Adds the message unless it is none of the protocol's.
void add_message(const std::string& file, const json& capture, const json& message,
                 std::vector<CapturedMessage>& all) {
  if (!message.is_object() || !message.contains("frames") || !message["frames"].is_array()) return;
  CapturedMessage captured{file,
                           text_of(message, "channel"),
                           text_of(message, "from"),
                           text_of(message, "to"),
                           text_of(capture, "packer"),
                           {},
                           {},
                           {},
                           {}};
  std::vector<std::string> frames;
  for (const json& frame : message["frames"]) {
    frames.push_back(from_base64(frame.get<std::string>()));
  }
  const auto delimiter = std::find(frames.begin(), frames.end(), kDelimiter);
  if (frames.end() - delimiter < 6) return;
  captured.identities.assign(frames.begin(), delimiter);
  captured.signature = delimiter[1];
  captured.parts.assign(delimiter + 2, delimiter + 6);
  captured.buffers.assign(delimiter + 6, frames.end());
  all.push_back(std::move(captured));
}

}  // namespace

std::vector<std::string> CapturedMessage::frames() const {
  std::vector<std::string> all = identities;
  all.emplace_back(kDelimiter);
  all.push_back(signature);
  all.insert(all.end(), parts.begin(), parts.end());
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

const std::vector<CapturedMessage>& captured_messages() {
  static const std::vector<CapturedMessage> messages = [] {
    std::vector<CapturedMessage> all;
    for (const auto& [name, capture] : captured_files()) {
      const auto found = capture.find("messages");
      if (found == capture.end() || !found->is_array()) continue;
      for (const json& message : *found) add_message(name, capture, message, all);
    }
    return all;
  }();
  return messages;
}

std::vector<std::string> captured_connection_files() {
  std::vector<std::string> texts;
  const json& files = captured_files().at("connection_files").at("connection_files");
  for (const auto& [version, sides] : files.items()) {
    for (const auto& [side, file] : sides.items()) texts.push_back(file.dump());
  }
  return texts;
}

std::vector<std::string_view> json_tokens() {
  return {"{",
          "}",
          "[",
          "]",
          "\"",
          ":",
          ",",
          "null",
          "true",
          "false",
          "-1",
          "0",
          "1e999",
          "0.5",
          "-0.0",
          "[[",
          "{\"a\":",
          "\\",
          "\\u0000",
          "\\ud800",
          "\\udc00\\n",
          "\xff",
          "\xc3\x28",
          "\xed\xa0\x80",
          "\xf4\x90",
          "\"\"",
          "{}",
          "[]",
          "\"msg_id\"",
          "\"msg_type\"",
          "\"session\"",
          " ",
          "9223372036854775808",
          "-9223372036854775809",
          "18446744073709551616",
          "2147483648",
          "1e-400",
          std::string_view("\0", 1)};
}

std::vector<std::string> distinct(std::vector<std::string> texts) {
  std::set<std::string> seen;
  std::erase_if(texts, [&seen](const std::string& text) { return !seen.insert(text).second; });
  return texts;
}

}  // namespace trireme::fuzz
