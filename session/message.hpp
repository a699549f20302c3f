// A message between peers as the cores see it: parsed header fields, JSON text, raw buffers.
#pragma once

#include <string>
#include <string_view>

#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"
#include "session/message_type.hpp"

namespace trireme {

/// The header fields every message has. Further keys of a header live on in the header frame.
struct Header {
  MsgId msg_id;
  std::string msg_type;  // as on the wire; message_type() names the known ones
  std::string username;
  SessionId session;
  ShortText date;  // ISO 8601 as the sender wrote it
  std::string version;
};

/// One message. The four parts are JSON text whatever packer the wire uses; on the way out an
/// empty frame stands for `{}`.
struct Message {
  Frames identities;  // routing or topic frames before the delimiter
  Header header;
  Frame header_json;
  Frame parent_json;
  Frame metadata_json;
  Frame content_json;
  Frames buffers;
};

/// Makes the messages of one process: numbers them, dates them, names the session.
/// Not thread-safe: one per thread or core. Two factories of one process need different
/// `process_tag`s so that no msg_id is made twice.
class MessageFactory {
 public:
  /// `process_tag` (usually the pid, or pid and thread) becomes part of every msg_id.
  MessageFactory(SessionId session, std::string username, std::string process_tag);

  const SessionId& session() const noexcept { return session_; }

  /// A new message without identities. `parent` is the complete header JSON of the request being
  /// answered, or empty. JSON texts must be objects; empty means `{}`.
  Message make(MessageType type, std::string content_json, Timestamp now, Frame parent = {},
               std::string metadata_json = {});
  /// The same for types this program has no name for.
  Message make(std::string_view msg_type, std::string content_json, Timestamp now,
               Frame parent = {}, std::string metadata_json = {});

 private:
  SessionId session_;
  std::string username_;
  std::string msg_id_prefix_;
  std::uint64_t next_number_ = 0;
};

/// JSON text of a header with exactly the six standard keys.
std::string header_json(const Header& header);

/// A new session id: 16 random bytes as hex, `8-24` digits, from the system's random source.
SessionId new_session_id();

/// Text as a JSON string literal, quotes included; invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

/// Content of an error reply: status, ename, evalue, traceback (one line) and `engine_info` {}.
std::string error_content_json(std::string_view ename, std::string_view evalue);

}  // namespace trireme
