// Pickles of real peers are read as they were described; everything else is refused in a sentence.
#include "session/pickle_reader.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/unit/session/captured_pickles.hpp"

namespace trireme {
namespace {

using nlohmann::json;
using Kind = PickleNode::Kind;

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = (bits << 8) | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : kDigits[(bits >> (18 - 6 * k)) & 63];
    }
  }
  return text;
}

json describe(const PickleNode& node);

json describe_items(const PickleNode& node) {
  json items = json::array();
  for (const PickleNode* item : node.items) items.push_back(describe(*item));
  return items;
}

json describe_dict(const PickleNode& node) {
  json pairs = json::array();
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    pairs.push_back(json::array({describe(*node.items[i]), describe(*node.items[i + 1])}));
  }
  return {{"dict", pairs}};
}

json describe_bytes(std::string_view bytes) {
  constexpr std::size_t kShownMax = 64;
  if (bytes.size() > kShownMax) return {{"bytes_len", bytes.size()}};
  return {{"bytes_b64", to_base64(bytes)}};
}

json describe_object(const PickleNode& node) {
  json object{{"object", node.global_name()}};
  const PickleNode& arguments = *node.items[PickleNode::kArguments];
  if (!arguments.items.empty()) object["args"] = describe_items(arguments);
  if (node.items[PickleNode::kState] != nullptr) {
    object["state"] = describe(*node.items[PickleNode::kState]);
  }
  return object;
}

json describe(const PickleNode& node) {
  switch (node.kind) {
    case Kind::kNone:
      return nullptr;
    case Kind::kBool:
      return node.integer != 0;
    case Kind::kInt:
      return node.integer;
    case Kind::kBigInt:
      return {{"int", "big"}};
    case Kind::kFloat:
      if (std::isinf(node.real)) return {{"float", node.real > 0 ? "inf" : "-inf"}};
      return node.real;
    case Kind::kString:
      return std::string(node.text);
    case Kind::kBytes:
    case Kind::kByteArray:
      return describe_bytes(node.text);
    case Kind::kList:
      return {{"list", describe_items(node)}};
    case Kind::kTuple:
      return {{"tuple", describe_items(node)}};
    case Kind::kSet:
    case Kind::kFrozenSet:
      return {{"set", describe_items(node)}};
    case Kind::kDict:
      return describe_dict(node);
    case Kind::kGlobal:
      return {{"global", node.global_name()}};
    case Kind::kObject:
      return describe_object(node);
  }
  return nullptr;
}

/// Descriptions give hashes of long bytes and digits of big integers, and the capturing tool chose
/// when bytes are long; what is compared is brought to one form.
json comparable(const json& value) {
  if (value.is_array()) {
    json all = json::array();
    for (const json& item : value) all.push_back(comparable(item));
    return all;
  }
  if (!value.is_object()) return value;
  if (value.contains("bytes_len")) return {{"bytes_len", value["bytes_len"]}};
  if (value.contains("bytes_b64")) {
    const std::string bytes = from_base64(value["bytes_b64"].get<std::string>());
    return describe_bytes(bytes);
  }
  if (value.contains("int")) return {{"int", "big"}};
  json all = json::object();
  for (const auto& [key, item] : value.items()) {
    if (key == "args" && item.empty()) continue;
    all[key] = comparable(item);
  }
  return all;
}

TEST(PickleReader, ReadsEveryCapturedPickleAsDescribed) {
  const std::vector<CapturedPickle> pickles = captured_pickles();
  ASSERT_GT(pickles.size(), 300u);
  for (const CapturedPickle& one : pickles) {
    const Result<Pickle> pickle = read_pickle(Frame(one.bytes));
    ASSERT_TRUE(pickle.has_value()) << one.place << ": " << pickle.error().text;
    EXPECT_EQ(describe(pickle->root()), comparable(one.value)) << one.place;
  }
}

TEST(PickleReader, RefusesEveryCapturedPickleThatIsCutOff) {
  for (const CapturedPickle& one : captured_pickles()) {
    for (std::size_t size = 0; size < one.bytes.size(); size += 1 + one.bytes.size() / 97) {
      EXPECT_FALSE(read_pickle(Frame(one.bytes.substr(0, size))).has_value()) << one.place;
    }
  }
}

struct ReadCase {
  const char* name;
  std::string bytes;
  json value;
};

TEST(PickleReader, ReadsEachOperation) {
  using namespace std::string_literals;
  const ReadCase cases[] = {
      {"negative BININT", "\x80\x02J\xfe\xff\xff\xff."s, -2},
      {"empty LONG1", "\x80\x02\x8a\x00."s, 0},
      {"LONG1 of one byte", "\x80\x02\x8a\x01\xff."s, -1},
      {"LONG4", "\x80\x02\x8b\x02\x00\x00\x00\x00\x01."s, 256},
      {"the smallest integer", "\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."s,
       std::numeric_limits<std::int64_t>::min()},
      {"beyond 64 bits",
       "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00."s,
       {{"int", "big"}}},
      {"BINUNICODE8", "\x80\x04\x8d\x01\x00\x00\x00\x00\x00\x00\x00x."s, "x"},
      {"BINBYTES8", "\x80\x04\x8e\x01\x00\x00\x00\x00\x00\x00\x00x."s, {{"bytes_b64", "eA=="}}},
      {"BYTEARRAY8", "\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00x."s, {{"bytes_b64", "eA=="}}},
      {"LIST", "\x80\x02(K\x01K\x02l."s, {{"list", {1, 2}}}},
      {"DICT", "\x80\x02(K\x01Nd."s, {{"dict", {{1, nullptr}}}}},
      {"FROZENSET", "\x80\x04(K\x01\x91."s, {{"set", {1}}}},
      {"GLOBAL",
       "\x80\x02"
       "cmath\nsqrt\n."s,
       {{"global", "math.sqrt"}}},
      {"DUP", "\x80\x02K\x01\x32\x86."s, {{"tuple", {1, 1}}}},
      {"POP of a value", "\x80\x02K\x01K\x02\x30."s, 1},
      {"POP of a mark", "\x80\x02K\x01(0."s, 1},
      {"POP_MARK", "\x80\x02K\x01(K\x02K\x03\x31."s, 1},
      {"BINPUT and BINGET", "\x80\x02K\x07q\x05h\x05\x86."s, {{"tuple", {7, 7}}}},
      {"LONG_BINPUT", "\x80\x02K\x07r\x03\x00\x00\x00j\x03\x00\x00\x00\x86."s, {{"tuple", {7, 7}}}},
      {"MEMOIZE counts what is remembered",
       "\x80\x04K\x07\x94K\x08\x94h\x01\x87."s,
       {{"tuple", {7, 8, 8}}}},
      {"NEWOBJ_EX",
       "\x80\x04\x8c\x01m\x8c\x01\x43\x93)}\x92."s,
       {{"object", "m.C"}, {"state", {{"dict", json::array()}}}}},
      {"no PROTO", "K\x05."s, 5},
      {"bytes behind the end", "\x80\x04N.garbage"s, nullptr},
  };
  for (const ReadCase& one : cases) {
    const Result<Pickle> pickle = read_pickle(Frame(one.bytes));
    ASSERT_TRUE(pickle.has_value()) << one.name << ": " << pickle.error().text;
    EXPECT_EQ(describe(pickle->root()), one.value) << one.name;
  }
}

struct RefuseCase {
  const char* name;
  std::string bytes;
  const char* reason;
};

TEST(PickleReader, RefusesWithAReason) {
  using namespace std::string_literals;
  const RefuseCase cases[] = {
      {"nothing", "", "ends too early"},
      {"an old protocol", "\x80\x01N."s, "protocol is 1"},
      {"a new protocol", "\x80\x06N."s, "protocol is 6"},
      {"PERSID", "\x80\x02Pname\n."s, "PERSID"},
      {"BINPERSID", "\x80\x02NQ."s, "BINPERSID"},
      {"EXT1", "\x80\x02\x82\x01."s, "EXT1"},
      {"NEXT_BUFFER", "\x80\x05\x97."s, "NEXT_BUFFER"},
      {"INST", "\x80\x02(ios\nsystem\n."s, "INST"},
      {"OBJ", "\x80\x02(cos\nsystem\no."s, "OBJ"},
      {"text of protocol 0", "I5\n."s, "INT"},
      {"an unknown byte", "\x80\x02\xff."s, "0xff"},
      {"an empty stack", "\x80\x02."s, "operands"},
      {"operands below the mark", "\x80\x02K\x01(\x85."s, "operands"},
      {"no mark", "\x80\x02]e."s, "mark"},
      {"appending to a number", "\x80\x02K\x01K\x02\x61."s, "takes none"},
      {"a key without value", "\x80\x02}(K\x01u."s, "lacks its value"},
      {"what was not remembered", "\x80\x02h\x05."s, "did not remember"},
      {"a memo number out of bounds", "\x80\x02Nr\xff\xff\xff\x7f."s, "memo"},
      {"a length beyond the end", "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffx."s, "too early"},
      {"a call of what is no name", "\x80\x02K\x01)R."s, "without a name"},
      {"arguments that are no tuple",
       "\x80\x02"
       "cm\nf\nK\x01R."s,
       "no tuple"},
      {"a state for a number", "\x80\x02K\x01Nb."s, "has none"},
      {"a global without text", "\x80\x04K\x01K\x02\x93."s, "no text"},
  };
  for (const RefuseCase& one : cases) {
    const Result<Pickle> pickle = read_pickle(Frame(one.bytes));
    ASSERT_FALSE(pickle.has_value()) << one.name;
    EXPECT_EQ(pickle.error().code, ErrorCode::kBadFormat) << one.name;
    EXPECT_NE(pickle.error().text.find(one.reason), std::string::npos) << pickle.error().text;
  }
}

TEST(PickleReader, AListMayHoldItself) {
  const Result<Pickle> pickle =
      read_pickle(Frame(std::string("\x80\x04]\x94h\x00"
                                    "a.",
                                    8)));
  ASSERT_TRUE(pickle.has_value()) << pickle.error().text;
  EXPECT_EQ(pickle->root().items.front(), &pickle->root());
}

TEST(PickleReader, TooManyObjectsAreRefused) {
  std::string bytes = "\x80\x04(";
  bytes.append(kPickleNodesMax + 10, 'N');
  bytes += "t.";
  const Result<Pickle> pickle = read_pickle(Frame(std::move(bytes)));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace trireme
