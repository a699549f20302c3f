#include "session/value_codec.hpp"

#include <cmath>
#include <utility>

#include "session/value_text.hpp"

namespace trireme {
namespace {

/// Lets a frame share the bytes of a value.
class BytesStorage final : public FrameStorage {
 public:
  explicit BytesStorage(Bytes bytes) : bytes_held_(std::move(bytes)) {
    set_bytes(bytes_held_.text());
  }

 private:
  Bytes bytes_held_;
};

class ValueWriter {
 public:
  ValueWriter(std::string& json, Frames& buffers) : json_(json), buffers_(buffers) {}

  void write(const Value& value, std::size_t depth) {
    if (depth > kValueDepthMax) {
      throw TypeError("a value is nested deeper than " + std::to_string(kValueDepthMax) +
                      " levels; flatten it");
    }
    switch (value.kind()) {
      case Value::Kind::kNull:
        json_ += "null";
        return;
      case Value::Kind::kBool:
        json_ += value.as_bool() ? "true" : "false";
        return;
      case Value::Kind::kInt:
        return append_json_int(value.as_int(), json_);
      case Value::Kind::kDouble:
        return write_double(value.as_double());
      case Value::Kind::kString:
        return write_string(value.as_string());
      case Value::Kind::kBytes:
        write_buffer("{\"$buffer\": ", frame_of(value.as_bytes()));
        json_ += '}';
        return;
      case Value::Kind::kArray:
        return write_array(value.as_array());
      case Value::Kind::kList:
        return write_list(value.as_list(), depth);
      case Value::Kind::kDict:
        return write_dict(value.as_dict(), depth);
    }
  }

  void write_list(const List& items, std::size_t depth) {
    json_ += '[';
    bool first = true;
    for (const Value& item : items) {
      if (!std::exchange(first, false)) json_ += ", ";
      write(item, depth + 1);
    }
    json_ += ']';
  }

  void write_dict(const Dict& items, std::size_t depth) {
    const auto dollar = items.lower_bound("$");
    const bool escape = dollar != items.end() && dollar->first.starts_with('$');
    json_ += escape ? "{\"$dict\": {" : "{";
    bool first = true;
    for (const auto& [key, item] : items) {
      if (!std::exchange(first, false)) json_ += ", ";
      append_json_string(key, json_);
      json_ += ": ";
      write(item, depth + 1);
    }
    json_ += escape ? "}}" : "}";
  }

 private:
  void write_double(double number) {
    if (std::isfinite(number)) return append_json_double(number, json_);
    const char* name = std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
    json_ += std::string("{\"$float\": \"") + name + "\"}";
  }

  void write_string(const std::string& text) {
    if (text.size() <= kInlineTextBytesMax && utf8_prefix(text) == text.size()) {
      return append_json_string(text, json_);
    }
    write_buffer("{\"$text\": ", Frame::copy_of(text));
    json_ += '}';
  }

  void write_array(const Array& array) {
    write_buffer("{\"$buffer\": ", frame_of(array.data()));
    json_ += ", \"dtype\": ";
    append_json_string(array.dtype(), json_);
    json_ += ", \"shape\": [";
    bool first = true;
    for (const std::int64_t length : array.shape()) {
      if (!std::exchange(first, false)) json_ += ", ";
      append_json_int(length, json_);
    }
    json_ += "]}";
  }

  void write_buffer(std::string_view opening, Frame frame) {
    json_ += opening;
    append_json_int(static_cast<std::int64_t>(buffers_.size()), json_);
    buffers_.push_back(std::move(frame));
  }

  std::string& json_;
  Frames& buffers_;
};

Error bad_format(std::string text) { return {ErrorCode::kBadFormat, std::move(text)}; }

}  // namespace

void append_value(const Value& value, std::string& json, Frames& buffers) {
  ValueWriter(json, buffers).write(value, 0);
}

EncodedValue encode_value(const Value& value) {
  EncodedValue encoded;
  append_value(value, encoded.json, encoded.buffers);
  return encoded;
}

EncodedValue encode_call(std::string_view function, const List& args, const Dict& kwargs,
                         ResultForm form) {
  EncodedValue encoded;
  encoded.json = "{\"function\": ";
  append_json_string(function, encoded.json);
  ValueWriter writer(encoded.json, encoded.buffers);
  encoded.json += ", \"args\": ";
  writer.write_list(args, 0);
  encoded.json += ", \"kwargs\": ";
  writer.write_dict(kwargs, 0);
  encoded.json += form == ResultForm::kPacked ? ", \"packed\": true}" : "}";
  return encoded;
}

Result<NativeCall> decode_call(std::string_view content, const Frames& buffers) {
  Result<Value> decoded = decode_value(content, buffers);
  if (!decoded) return decoded.error();
  if (!decoded->is_dict()) return bad_format("the content of a call is no JSON object");
  Dict& fields = decoded->as_dict();
  const auto function = fields.find("function");
  if (function == fields.end()) {
    return Error{ErrorCode::kNotFound, "the call names no function"};
  }
  NativeCall call;
  if (!function->second.is_string()) return bad_format("'function' of a call is no string");
  call.function = function->second.as_string();
  if (const auto args = fields.find("args"); args != fields.end()) {
    if (!args->second.is_list()) return bad_format("'args' of a call is no list");
    call.args = std::move(args->second.as_list());
  }
  if (const auto kwargs = fields.find("kwargs"); kwargs != fields.end()) {
    if (!kwargs->second.is_dict()) return bad_format("'kwargs' of a call is no dict");
    call.kwargs = std::move(kwargs->second.as_dict());
  }
  if (const auto packed = fields.find("packed"); packed != fields.end()) {
    if (!packed->second.is_bool()) return bad_format("'packed' of a call is no bool");
    if (packed->second.as_bool()) call.form = ResultForm::kPacked;
  }
  return call;
}

EncodedValue encode_result(const Value& result, ResultForm form) {
  EncodedValue encoded;
  if (form == ResultForm::kPacked) {
    std::string text = "{\"result\": ";
    encoded.buffers.emplace_back();
    Frames inner;
    append_value(result, text, inner);
    text += ", \"buffers\": " + std::to_string(inner.size()) + "}";
    encoded.buffers.front() = Frame(std::move(text));
    encoded.buffers.insert(encoded.buffers.end(), inner.begin(), inner.end());
    encoded.json = "{\"status\": \"ok\", \"packed\": true}";
    return encoded;
  }
  encoded.json = "{\"status\": \"ok\", \"result\": ";
  append_value(result, encoded.json, encoded.buffers);
  encoded.json += '}';
  return encoded;
}

Result<Value> decode_result(std::string_view content, const Frames& buffers) {
  Result<Value> decoded = decode_value(content, buffers);
  if (!decoded) return decoded.error();
  if (!decoded->is_dict()) return bad_format("the content of a reply is no JSON object");
  Dict& fields = decoded->as_dict();
  const auto result = fields.find("result");
  if (result == fields.end()) return Error{ErrorCode::kNotFound, "the reply has no result"};
  return std::move(result->second);
}

Result<std::vector<Value>> decode_packed_results(const Frames& buffers) {
  std::vector<Value> results;
  for (std::size_t at = 0; at < buffers.size();) {
    const std::string_view text = buffers[at++].view();
    const Result<Value> plain = decode_plain_json(text);
    const Value* count = plain ? plain->find("buffers") : nullptr;
    if (count == nullptr || !count->is_int() || count->as_int() < 0 ||
        static_cast<std::uint64_t>(count->as_int()) > buffers.size() - at) {
      return bad_format("the buffers of a packed result are incomplete");
    }
    const auto first = buffers.begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = static_cast<std::size_t>(count->as_int());
    Result<Value> result = decode_result(text, Frames(first, first + count->as_int()));
    if (!result) return bad_format(result.error().text);
    results.push_back(std::move(*result));
    at += size;
  }
  return results;
}

Bytes bytes_of(const Frame& frame) {
  if (frame.empty()) return {};
  auto owner = std::make_shared<const Frame>(frame);
  const std::string_view text = owner->view();
  return Bytes(std::move(owner), std::as_bytes(std::span(text)));
}

Frame frame_of(const Bytes& bytes) {
  if (bytes.empty()) return {};
  return Frame::adopt(new BytesStorage(bytes));
}

}  // namespace trireme
