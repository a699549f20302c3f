#include "session/wire.hpp"

#include <simdjson.h>

#include <utility>

#include "session/plain_json.hpp"

namespace trireme {
namespace {

namespace ondemand = simdjson::ondemand;

Error malformed(std::string text) { return Error{ErrorCode::kBadFormat, std::move(text)}; }

// simdjson reads a few bytes past the end, so texts are copied into a padded buffer that each
// thread keeps.
simdjson::padded_string_view padded(std::string_view json) {
  thread_local std::string buffer;
  buffer.assign(json);
  buffer.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  return simdjson::padded_string_view(buffer.data(), json.size(), buffer.capacity());
}

/// The texts of a header, in the text or the parser they were read with.
struct HeaderTexts {
  std::string_view msg_id, msg_type, username, session, date, version;

  /// Where the text of this key goes; null for keys of no interest.
  std::string_view* at(std::string_view key) {
    return key == "msg_id"     ? &msg_id
           : key == "msg_type" ? &msg_type
           : key == "session"  ? &session
           : key == "date"     ? &date
           : key == "username" ? &username
           : key == "version"  ? &version
                               : nullptr;
  }
};

// True when the header is plain; else it must be parsed.
bool read_plain_header(std::string_view json, HeaderTexts& texts) {
  bool are_strings = true;
  const bool is_plain =
      visit_plain_object(json, [&](std::string_view key, std::string_view text, PlainKind kind) {
        std::string_view* into = texts.at(key);
        if (into == nullptr) return;
        are_strings &= kind == PlainKind::kString;
        *into = text;
      });
  return is_plain && are_strings;
}

// The texts are good until the next header is read.
Result<void> read_header(std::string_view json, HeaderTexts& texts) {
  thread_local ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  if (parser.iterate(padded(json)).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS) {
    return malformed("the message header is not a JSON object");
  }
  for (auto field : object) {
    std::string_view key;
    ondemand::value value;
    if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
        field.value().get(value) != simdjson::SUCCESS) {
      return malformed("the message header is not valid JSON");
    }
    std::string_view* into = texts.at(key);
    if (into == nullptr) continue;
    const bool is_string = value.get_string().get(*into) == simdjson::SUCCESS;
    const bool is_needed =
        into == &texts.msg_id || into == &texts.msg_type || into == &texts.session;
    if (!is_string && is_needed) {
      return malformed("'" + std::string(key) + "' in the message header is not a string");
    }
  }
  return {};
}

SignedParts signed_parts(const Frames& frames, const Envelope& at) {
  return {frames[at.header()].view(), frames[at.parent()].view(), frames[at.metadata()].view(),
          frames[at.content()].view()};
}

// Depth of nesting in JSON text, strings skipped; enough to refuse a text before a recursive
// parser meets it.
bool nests_deeper_than(std::string_view json, std::size_t depth_max) {
  // Most texts are too short for that, or have fewer brackets altogether.
  if (json.size() <= 2 * depth_max) return false;
  unsigned opening = 0;
  for (const char c : json) opening += (c | 0x20) == '{' ? 1u : 0u;  // '[' differs in that bit only
  if (opening <= depth_max) return false;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Envelope> find_envelope(const Frames& frames, const WireLimits& limits) {
  if (frames.size() > limits.frames_max) {
    return Error{ErrorCode::kTooLarge, "the message has " + std::to_string(frames.size()) +
                                           " frames, the limit is " +
                                           std::to_string(limits.frames_max)};
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].view() != kDelimiter) continue;
    const Envelope at{i};
    if (frames.size() < at.buffers()) {
      return malformed("the message ends before its content: only " +
                       std::to_string(frames.size() - i - 1) +
                       " frames follow the delimiter, five are needed");
    }
    for (std::size_t part = at.header(); part <= at.content(); ++part) {
      if (frames[part].size() > limits.part_bytes_max) {
        return Error{ErrorCode::kTooLarge,
                     "a message part of " + std::to_string(frames[part].size()) +
                         " bytes is over the limit of " + std::to_string(limits.part_bytes_max) +
                         "; send large data as buffers"};
      }
    }
    return at;
  }
  return malformed(
      "the message has no <IDS|MSG> delimiter; its sender does not speak the protocol");
}

Result<Header> parse_header(std::string_view json) {
  HeaderTexts texts;
  if (!read_plain_header(json, texts)) {
    texts = {};
    if (Result<void> read = read_header(json, texts); !read) return read.error();
  }
  if (texts.msg_id.empty() || texts.msg_type.empty() || texts.session.empty()) {
    return malformed("the message header lacks msg_id, msg_type or session");
  }
  return Header{MsgId(texts.msg_id),      std::string(texts.msg_type), std::string(texts.username),
                SessionId(texts.session), ShortText(texts.date),       std::string(texts.version)};
}

Result<MsgId> parse_msg_id(std::string_view header_json) {
  std::string_view msg_id;
  const bool is_plain = visit_plain_object(
      header_json, [&](std::string_view key, std::string_view text, PlainKind kind) {
        if (key == "msg_id") msg_id = kind == PlainKind::kString ? text : std::string_view{};
      });
  if (is_plain && !msg_id.empty()) return MsgId(msg_id);
  Result<Header> header = parse_header(header_json);
  if (!header) return header.error();
  return std::move(header->msg_id);
}

Wire::Wire(Signer signer, Packer packer, WireLimits limits, std::size_t digest_history)
    : signer_(std::move(signer)), packer_(packer), limits_(limits), guard_(digest_history) {}

Result<Envelope> Wire::verify(const Frames& frames) const {
  Result<Envelope> at = find_envelope(frames, limits_);
  if (!at) return at;
  const Result<void> verified =
      signer_.verify(signed_parts(frames, *at), frames[at->signature()].view());
  if (!verified) return verified.error();
  return at;
}

Result<Message> Wire::decode(const Frames& frames, Replays replays) {
  const Result<Envelope> at = verify(frames);
  if (!at) return at.error();
  if (replays == Replays::kRefuse && signer_.enabled() &&
      !guard_.admit(frames[at->signature()].view())) {
    return Error{ErrorCode::kReplayed, "the same signed message came before"};
  }
  Message message;
  const auto read = [&](std::size_t index, Frame& into) { return read_part(frames[index], into); };
  if (Result<void> part = read(at->header(), message.header_json); !part) return part.error();
  Result<Header> header = parse_header(message.header_json.view());
  if (!header) return header.error();
  if (Result<void> part = read(at->parent(), message.parent_json); !part) return part.error();
  if (Result<void> part = read(at->metadata(), message.metadata_json); !part) return part.error();
  if (Result<void> part = read(at->content(), message.content_json); !part) return part.error();

  const auto offset = [&](std::size_t index) {
    return frames.begin() + static_cast<std::ptrdiff_t>(index);
  };
  message.identities.assign(frames.begin(), offset(at->delimiter));
  message.header = *std::move(header);
  message.buffers.assign(offset(at->buffers()), frames.end());
  return message;
}

/// One of the four parts as JSON text.
Result<void> Wire::read_part(const Frame& part, Frame& into) const {
  if (packer_.kind() == Packer::Kind::kJson) {
    into = part;
  } else {
    Result<Frame> json = packer_.to_json(part, limits_.json_depth_max);
    if (!json) return json.error();
    into = *std::move(json);
  }
  if (!nests_deeper_than(into.view(), limits_.json_depth_max)) return {};
  return malformed("a message part is nested more than " + std::to_string(limits_.json_depth_max) +
                   " levels deep");
}

Frames Wire::encode(const Message& message) const {
  static const Frame delimiter = Frame::copy_of(kDelimiter);
  static const Frame empty_object = Frame::copy_of("{}");
  const auto part = [&](const Frame& json) {
    return packer_.from_json(json.empty() ? empty_object : json);
  };
  const Frame header = part(message.header_json);
  const Frame parent = part(message.parent_json);
  const Frame metadata = part(message.metadata_json);
  const Frame content = part(message.content_json);

  Frames frames;
  frames.reserve(message.identities.size() + 6 + message.buffers.size());
  frames.insert(frames.end(), message.identities.begin(), message.identities.end());
  frames.push_back(delimiter);
  frames.emplace_back(
      signer_.sign({header.view(), parent.view(), metadata.view(), content.view()}));
  frames.push_back(header);
  frames.push_back(parent);
  frames.push_back(metadata);
  frames.push_back(content);
  frames.insert(frames.end(), message.buffers.begin(), message.buffers.end());
  return frames;
}

Frames Wire::with_header(Frames frames, const Envelope& at, const Frame& header_json) const {
  frames[at.header()] = packer_.from_json(header_json);
  frames[at.signature()] = Frame(signer_.sign(signed_parts(frames, at)));
  return frames;
}

}  // namespace trireme
