#include "session/message.hpp"

#include <openssl/rand.h>

#include <array>

#include <nlohmann/json.hpp>

#include "session/result.hpp"

namespace trireme {
namespace {

constexpr std::string_view kProtocolVersion = "5.3";
constexpr char kHexDigits[] = "0123456789abcdef";

// Whether the text can stand between quotes as it is: printable ASCII without quote or backslash.
bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  }
  return true;
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.size() > 1) out += ", ";
  out += '"';
  out += name;
  out += "\": ";
  out += json_quote(value);
}

}  // namespace

std::string json_quote(std::string_view text) {
  if (is_plain(text)) {
    std::string quoted;
    quoted.reserve(text.size() + 2);
    quoted += '"';
    quoted += text;
    quoted += '"';
    return quoted;
  }
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string header_json(const Header& header) {
  std::string json = "{";
  json.reserve(256);
  append_member(json, "msg_id", header.msg_id.view());
  append_member(json, "msg_type", header.msg_type);
  append_member(json, "username", header.username);
  append_member(json, "session", header.session.view());
  append_member(json, "date", header.date.view());
  append_member(json, "version", header.version);
  json += '}';
  return json;
}

std::string error_content_json(std::string_view ename, std::string_view evalue) {
  const std::string line = std::string(ename) + (evalue.empty() ? "" : ": ") + std::string(evalue);
  std::string json = "{";
  append_member(json, "status", "error");
  append_member(json, "ename", ename);
  append_member(json, "evalue", evalue);
  json += ", \"traceback\": [" + json_quote(line) + "], \"engine_info\": {}}";
  return json;
}

SessionId new_session_id() {
  std::array<unsigned char, 16> bytes{};
  TRIREME_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1,
                "the system gave no random bytes");
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4) text += '-';
    text += kHexDigits[bytes[i] >> 4];
    text += kHexDigits[bytes[i] & 15];
  }
  return SessionId(std::move(text));
}

MessageFactory::MessageFactory(SessionId session, std::string username, std::string process_tag)
    : session_(std::move(session)),
      username_(std::move(username)),
      msg_id_prefix_(session_.str() + "_" + process_tag + "_") {}

Message MessageFactory::make(MessageType type, std::string content_json, Timestamp now,
                             Frame parent, std::string metadata_json) {
  return make(wire_name(type), std::move(content_json), now, std::move(parent),
              std::move(metadata_json));
}

Message MessageFactory::make(std::string_view msg_type, std::string content_json, Timestamp now,
                             Frame parent, std::string metadata_json) {
  Message message;
  message.header = {MsgId(msg_id_prefix_ + std::to_string(next_number_++)),
                    std::string(msg_type),
                    username_,
                    session_,
                    ShortText(format_timestamp(now)),
                    std::string(kProtocolVersion)};
  message.header_json = Frame(header_json(message.header));
  message.parent_json = std::move(parent);
  message.metadata_json = Frame(std::move(metadata_json));
  message.content_json = Frame(std::move(content_json));
  return message;
}

}  // namespace trireme
