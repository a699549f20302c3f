#include "session/packer.hpp"

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using Json = nlohmann::json;

bool is_deeper_than(const Json& value, std::size_t depth_max) {
  if (!value.is_structured()) return false;
  if (depth_max == 0) return true;
  for (const Json& element : value) {
    if (is_deeper_than(element, depth_max - 1)) return true;
  }
  return false;
}

// MessagePack allows one byte per level of nesting, and the reader recurses: bound what it is fed
// by counting how many containers stand open, without reading values.
bool nests_deeply(std::string_view bytes, std::size_t depth_max) {
  std::size_t run = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool opens = (byte >= 0x80 && byte <= 0x9f) || (byte >= 0xdc && byte <= 0xdf);
    run = opens ? run + 1 : 0;
    if (run > depth_max) return true;
  }
  return false;
}

}  // namespace

Result<Packer> Packer::from_name(std::string_view pack) {
  if (pack == "json") return Packer(Kind::kJson);
  if (pack.starts_with("msgpack.")) return Packer(Kind::kMsgpack);
  return Error{ErrorCode::kConfiguration,
               "packer '" + std::string(pack) +
                   "' is not supported; set Session.packer to json or msgpack.packb"};
}

Result<Frame> Packer::to_json(const Frame& part, std::size_t depth_max) const {
  if (kind_ == Kind::kJson) return part;
  if (nests_deeply(part.view(), depth_max)) {
    return Error{ErrorCode::kBadFormat, "a MessagePack part is nested too deeply"};
  }
  const Json value = Json::from_msgpack(part.view().begin(), part.view().end(), true, false);
  if (!value.is_object() || is_deeper_than(value, depth_max)) {
    return Error{ErrorCode::kBadFormat, "a part is not a MessagePack map with string keys"};
  }
  return Frame(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Frame Packer::from_json(const Frame& json) const {
  if (kind_ == Kind::kJson) return json;
  const Json value = json.empty() ? Json::object() : Json::parse(json.view(), nullptr, false);
  TRIREME_CHECK(value.is_object(), "a message part of ours is not a JSON object");
  std::string bytes;
  Json::to_msgpack(value, bytes);
  return Frame(std::move(bytes));
}

}  // namespace trireme
