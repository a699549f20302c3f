// Fields in a row: numbers as 8 bytes, texts as length and bytes; one list of fields per message
// serves both directions.
#include "engine/kernel/link_message.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace trireme {
namespace {

/// Writes fields into the first part.
class FieldWriter {
 public:
  template <class Number>
  requires std::is_integral_v<Number> || std::is_enum_v<Number>
  void field(const Number& number) {
    const auto wide = static_cast<std::uint64_t>(number);
    record_.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  void field(const std::string& text) {
    field(text.size());
    record_ += text;
  }
  void field(const std::optional<std::string>& text) {
    field(text.has_value());
    if (text) field(*text);
  }
  void field(const std::vector<std::string>& texts) {
    field(texts.size());
    for (const std::string& text : texts) field(text);
  }
  void field(const std::vector<OutputPiece>& pieces) {
    field(pieces.size());
    for (const OutputPiece& piece : pieces) {
      field(piece.kind);
      field(piece.text);
    }
  }
  void part(const Frame& frame) { parts_.push_back(frame); }
  void rest(const Frames& frames) { parts_.insert(parts_.end(), frames.begin(), frames.end()); }

  LinkFrame finish(std::uint32_t kind) {
    LinkFrame frame{kind, {}};
    frame.parts.reserve(1 + parts_.size());
    frame.parts.emplace_back(std::move(record_));
    for (Frame& part : parts_) frame.parts.push_back(std::move(part));
    return frame;
  }

 private:
  std::string record_;
  Frames parts_;
};

/// Reads what FieldWriter wrote; is_good() tells whether everything was there.
class FieldReader {
 public:
  explicit FieldReader(LinkFrame& frame) : frame_(frame) {
    if (frame.parts.empty()) {
      good_ = false;
    } else {
      record_ = frame.parts.front().view();
    }
  }

  template <class Number>
  requires std::is_integral_v<Number> || std::is_enum_v<Number>
  void field(Number& number) { number = static_cast<Number>(take_number()); }
  void field(std::string& text) {
    const std::uint64_t length = take_number();
    if (!good_ || length > record_.size()) return fail();
    text = record_.substr(0, length);
    record_.remove_prefix(length);
  }
  void field(std::optional<std::string>& text) {
    if (take_number() != 0) field(text.emplace());
  }
  void field(std::vector<std::string>& texts) {
    for (std::uint64_t left = take_count(); good_ && left > 0; --left) field(texts.emplace_back());
  }
  void field(std::vector<OutputPiece>& pieces) {
    for (std::uint64_t left = take_count(); good_ && left > 0; --left) {
      OutputPiece& piece = pieces.emplace_back();
      field(piece.kind);
      field(piece.text);
    }
  }
  void part(Frame& frame) {
    if (next_part_ >= frame_.parts.size()) return fail();
    frame = std::move(frame_.parts[next_part_++]);
  }
  void rest(Frames& frames) {
    while (next_part_ < frame_.parts.size()) {
      frames.push_back(std::move(frame_.parts[next_part_++]));
    }
  }
  bool is_good() const { return good_ && record_.empty() && next_part_ == frame_.parts.size(); }

 private:
  std::uint64_t take_number() {
    std::uint64_t number = 0;
    if (record_.size() < sizeof number) {
      fail();
      return 0;
    }
    std::memcpy(&number, record_.data(), sizeof number);
    record_.remove_prefix(sizeof number);
    return number;
  }
  /// Of things that take at least 8 bytes each.
  std::uint64_t take_count() {
    const std::uint64_t count = take_number();
    if (count <= record_.size() / sizeof count) return count;
    fail();
    return 0;
  }
  void fail() { good_ = false; }

  LinkFrame& frame_;
  std::string_view record_;
  std::size_t next_part_ = 1;
  bool good_ = true;
};

template <class Fields>
void visit_fields(Fields& f, auto& m) {
  using M = std::remove_cvref_t<decltype(m)>;
  if constexpr (std::is_same_v<M, LinkJoined>) {
    f.field(m.engine_id), f.field(m.engine_uuid);
  } else if constexpr (std::is_same_v<M, LinkStart>) {
    f.field(m.run), f.field(m.msg_id), f.field(m.msg_type), f.field(m.execution_count);
    f.part(m.content_json), f.rest(m.buffers);
  } else if constexpr (std::is_same_v<M, LinkStop>) {
    f.field(m.run), f.field(m.reason);
  } else if constexpr (std::is_same_v<M, LinkAnswer>) {
    f.field(m.run), f.field(m.text);
  } else if constexpr (std::is_same_v<M, LinkReady>) {
    f.field(m.functions), f.field(m.language);
  } else if constexpr (std::is_same_v<M, LinkRefused>) {
    f.field(m.exit_code), f.field(m.text);
  } else if constexpr (std::is_same_v<M, LinkOutput>) {
    f.field(m.run), f.field(m.pieces);
  } else if constexpr (std::is_same_v<M, LinkWaits>) {
    f.field(m.run), f.field(m.wanted), f.field(m.prompt);
  } else if constexpr (std::is_same_v<M, LinkPrepare> || std::is_same_v<M, LinkPrepared>) {
    f.field(m.language);
  } else if constexpr (std::is_same_v<M, LinkLog>) {
    f.field(m.level), f.field(m.text);
  } else {
    static_assert(std::is_same_v<M, LinkClear>, "every message lists its fields");
  }
}

void visit_fields(FieldWriter& f, const TaskSuccess& m) {
  f.field(m.data_json), f.field(m.data_metadata_json), f.field(m.user_expressions_json);
  f.part(Frame::copy_of(m.content_json)), f.rest(m.buffers);
}
void visit_fields(FieldReader& f, TaskSuccess& m) {
  Frame content;
  f.field(m.data_json), f.field(m.data_metadata_json), f.field(m.user_expressions_json);
  f.part(content), f.rest(m.buffers);
  m.content_json = content.to_string();
}
void visit_fields(auto& f, auto& failure) requires requires { failure.ename; }
{ f.field(failure.ename), f.field(failure.evalue), f.field(failure.traceback); }

void write_ended(FieldWriter& f, const LinkEnded& m) {
  f.field(m.run), f.field(m.output), f.field(m.is_last), f.field(m.outcome.index());
  if (const auto* success = std::get_if<TaskSuccess>(&m.outcome)) visit_fields(f, *success);
  if (const auto* failure = std::get_if<TaskFailure>(&m.outcome)) visit_fields(f, *failure);
}

void read_ended(FieldReader& f, LinkEnded& m) {
  std::size_t alternative = 0;
  f.field(m.run), f.field(m.output), f.field(m.is_last), f.field(alternative);
  switch (alternative) {
    case 0:
      return visit_fields(f, m.outcome.emplace<TaskSuccess>());
    case 1:
      return visit_fields(f, m.outcome.emplace<TaskFailure>());
    default:
      m.outcome = TaskGaveUp{};
  }
}

template <std::size_t kIndex = 0>
LinkMessage empty_message(std::size_t kind) {
  if constexpr (kIndex + 1 < std::variant_size_v<LinkMessage>) {
    if (kind != kIndex) return empty_message<kIndex + 1>(kind);
  }
  return LinkMessage(std::in_place_index<kIndex>);
}

}  // namespace

LinkFrame encode_link(const LinkMessage& message) {
  FieldWriter writer;
  std::visit(
      [&](const auto& m) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(m)>, LinkEnded>) {
          write_ended(writer, m);
        } else {
          visit_fields(writer, m);
        }
      },
      message);
  return writer.finish(static_cast<std::uint32_t>(message.index()));
}

Result<LinkMessage> decode_link(LinkFrame frame) {
  const std::size_t kind = frame.kind;
  if (kind >= std::variant_size_v<LinkMessage>) {
    return Error{ErrorCode::kBadFormat,
                 "A message on the kernel's link is of unknown kind " + std::to_string(kind) + "."};
  }
  LinkMessage message = empty_message(kind);
  FieldReader reader(frame);
  std::visit(
      [&](auto& m) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(m)>, LinkEnded>) {
          read_ended(reader, m);
        } else {
          visit_fields(reader, m);
        }
      },
      message);
  if (!reader.is_good()) {
    return Error{ErrorCode::kBadFormat,
                 "A message of kind " + std::to_string(kind) + " on the kernel's link is damaged."};
  }
  return message;
}

}  // namespace trireme
