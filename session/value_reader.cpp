// Reads JSON text into values in one pass, resolving the placeholders of native values.
#include <nlohmann/json.hpp>

#include "session/value_codec.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

/// How objects with '$' keys are understood.
enum class Placeholders { kResolve, kIgnore };

/// One open list or dict.
struct OpenContainer {
  Value value;
  std::string key;       // of the entry being read, in dicts
  bool literal = false;  // the inside of {"$dict": ...}: keys are just keys
};

/// Receives the parser's events. Invariant: open_ holds the containers begun and not ended.
class ValueBuilder {
 public:
  ValueBuilder(const Frames& buffers, Placeholders placeholders)
      : buffers_(buffers), placeholders_(placeholders) {}

  Result<Value> take() {
    if (!problem_.empty()) return Error{ErrorCode::kBadFormat, problem_};
    return std::move(root_);
  }

  // The parser's interface: false stops it.
  bool null() { return add(Value()); }
  bool boolean(bool flag) { return add(Value(flag)); }
  bool number_integer(std::int64_t number) { return add(Value(number)); }
  bool number_unsigned(std::uint64_t number) {
    if (std::in_range<std::int64_t>(number)) return add(Value(number));
    return add(Value(static_cast<double>(number)));
  }
  bool number_float(double number, const std::string&) { return add(Value(number)); }
  bool string(std::string& text) { return add(Value(std::move(text))); }
  bool binary(Json::binary_t&) { return fail("binary data inside JSON"); }
  bool start_array(std::size_t) { return open(Value(List())); }
  bool end_array() { return close(); }
  bool start_object(std::size_t) { return open(Value(Dict())); }
  bool end_object() { return close(); }
  bool key(std::string& text) {
    open_.back().key = std::move(text);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    return fail("no JSON at byte " + std::to_string(position));
  }

 private:
  bool fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  bool open(Value container) {
    // Escapes and the content around a call add levels of their own.
    if (open_.size() > 2 * kValueDepthMax + 4) return fail("a value is nested too deeply");
    const bool literal = placeholders_ == Placeholders::kResolve && container.is_dict() &&
                         !open_.empty() && open_.back().value.is_dict() && !open_.back().literal &&
                         open_.back().key == "$dict";
    open_.push_back({std::move(container), {}, literal});
    return true;
  }

  bool close() {
    OpenContainer done = std::move(open_.back());
    open_.pop_back();
    if (placeholders_ == Placeholders::kResolve && !done.literal && done.value.is_dict()) {
      const Dict& items = done.value.as_dict();
      const auto dollar = items.lower_bound("$");
      if (dollar != items.end() && dollar->first.starts_with('$')) {
        if (!resolve(done.value)) return false;
      }
    }
    return add(std::move(done.value));
  }

  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    OpenContainer& container = open_.back();
    if (container.value.is_list()) {
      container.value.as_list().push_back(std::move(value));
    } else {
      container.value.as_dict().insert_or_assign(std::move(container.key), std::move(value));
    }
    return true;
  }

  /// Replaces a placeholder by what it stands for.
  bool resolve(Value& value) {
    Dict& items = value.as_dict();
    if (value.find("$buffer") != nullptr && items.size() == 1) {
      const Frame* frame = buffer(items.begin()->second);
      if (frame == nullptr) return false;
      value = bytes_of(*frame);
      return true;
    }
    if (value.find("$buffer") != nullptr) return resolve_array(value);
    if (items.size() != 1) return fail("an unknown placeholder '" + items.begin()->first + "'");
    const std::string& name = items.begin()->first;
    Value& content = items.begin()->second;
    if (name == "$text") {
      const Frame* frame = buffer(content);
      if (frame == nullptr) return false;
      value = Value(frame->to_string());
      return true;
    }
    if (name == "$dict" && content.is_dict()) {
      Value inner = std::move(content);
      value = std::move(inner);
      return true;
    }
    if (name == "$float") return resolve_float(value, content);
    return fail("an unknown placeholder '" + name + "'");
  }

  bool resolve_float(Value& value, const Value& content) {
    if (content == Value("nan")) {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (content == Value("inf")) {
      value = std::numeric_limits<double>::infinity();
    } else if (content == Value("-inf")) {
      value = -std::numeric_limits<double>::infinity();
    } else {
      return fail("a $float that is none of nan, inf, -inf");
    }
    return true;
  }

  bool resolve_array(Value& value) {
    const Value* dtype = value.find("dtype");
    const Value* shape = value.find("shape");
    if (value.size() != 3 || dtype == nullptr || shape == nullptr || !dtype->is_string() ||
        !shape->is_list()) {
      return fail("an array placeholder needs exactly $buffer, dtype and shape");
    }
    const Frame* frame = buffer(*value.find("$buffer"));
    if (frame == nullptr) return false;
    std::vector<std::int64_t> lengths;
    for (const Value& length : shape->as_list()) {
      if (!length.is_int()) return fail("the shape of an array is no list of integers");
      lengths.push_back(length.as_int());
    }
    try {
      value = Array(dtype->as_string(), std::move(lengths), bytes_of(*frame));
    } catch (const TypeError& error) {
      return fail(error.what());
    }
    return true;
  }

  const Frame* buffer(const Value& index) {
    if (!index.is_int() || index.as_int() < 0 ||
        static_cast<std::uint64_t>(index.as_int()) >= buffers_.size()) {
      fail("a placeholder for a buffer that is not there (" + index.to_string() + " of " +
           std::to_string(buffers_.size()) + ")");
      return nullptr;
    }
    return &buffers_[static_cast<std::size_t>(index.as_int())];
  }

  const Frames& buffers_;
  const Placeholders placeholders_;
  std::vector<OpenContainer> open_;
  Value root_;
  std::string problem_;
};

Result<Value> read(std::string_view json, const Frames& buffers, Placeholders placeholders) {
  ValueBuilder builder(buffers, placeholders);
  Json::sax_parse(json, &builder);
  return builder.take();
}

}  // namespace

Result<Value> decode_value(std::string_view json, const Frames& buffers) {
  return read(json, buffers, Placeholders::kResolve);
}

Result<Value> decode_plain_json(std::string_view json) {
  return read(json, {}, Placeholders::kIgnore);
}

}  // namespace trireme
