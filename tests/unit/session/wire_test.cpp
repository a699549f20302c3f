// Frames of every wrong kind are refused with a reason, and right ones survive the way there and
// back.
#include "session/wire.hpp"

#include <gtest/gtest.h>

#include <random>

namespace trireme {
namespace {

const Timestamp kMoment = *parse_timestamp("2026-11-22T01:38:22.619123Z");
constexpr std::string_view kHeader =
    R"({"msg_id": "m", "msg_type": "t", "session": "s", "username": "u", "date": "", )"
    R"("version": "5.3"})";

Wire make_wire(std::string key = "key", Packer::Kind packer = Packer::Kind::kJson,
               WireLimits limits = {}) {
  return Wire(*Signer::create(std::move(key)), Packer(packer), limits);
}

Frames unsigned_frames(std::string_view header, std::string_view content = "{}") {
  Frames frames;
  for (const std::string_view part : {kDelimiter, std::string_view(), header,
                                      std::string_view("{}"), std::string_view("{}"), content}) {
    frames.push_back(Frame::copy_of(part));
  }
  return frames;
}

TEST(WireTest, CarriesEveryPartThereAndBack) {
  for (const auto packer : {Packer::Kind::kJson, Packer::Kind::kMsgpack}) {
    Wire wire = make_wire("key", packer);
    MessageFactory factory(SessionId("s"), "u", "1");
    Message message = factory.make(MessageType::kApplyRequest, R"({"a":[1,2.5,null,"x"]})", kMoment,
                                   Frame::copy_of(kHeader), R"({"retries":2})");
    message.identities.push_back(Frame::copy_of("peer"));
    message.buffers.push_back(Frame::copy_of("raw"));
    message.buffers.emplace_back();
    const Result<Message> back = wire.decode(wire.encode(message), Wire::Replays::kRefuse);
    ASSERT_TRUE(back.has_value()) << back.error().text;
    EXPECT_EQ(back->header.msg_id, message.header.msg_id);
    EXPECT_EQ(back->identities, message.identities);
    EXPECT_EQ(back->content_json, message.content_json);
    EXPECT_EQ(back->metadata_json, message.metadata_json);
    EXPECT_EQ(back->buffers, message.buffers);
  }
}

TEST(WireTest, DecodingSharesTheFramesBytes) {
  Wire wire = make_wire();
  MessageFactory factory(SessionId("s"), "u", "1");
  Message message = factory.make(MessageType::kApplyRequest, "{}", kMoment);
  message.buffers.push_back(Frame::copy_of("raw"));
  const Frames frames = wire.encode(message);
  const Result<Message> back = wire.decode(frames, Wire::Replays::kAllow);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->buffers[0].view().data(), message.buffers[0].view().data());
}

TEST(WireTest, NothingOfAnUnsignedOrForgedMessageIsParsed) {
  Wire wire = make_wire();
  // The header is not JSON at all: were it parsed first, the error would say so.
  EXPECT_EQ(wire.decode(unsigned_frames("not json"), Wire::Replays::kAllow).error().code,
            ErrorCode::kUnsigned);
  Frames forged = unsigned_frames("not json");
  forged[1] = Frame::copy_of(std::string(64, '0'));
  EXPECT_EQ(wire.decode(forged, Wire::Replays::kAllow).error().code, ErrorCode::kBadSignature);
}

struct BadFramesCase {
  const char* name;
  Frames frames;
  ErrorCode code;
};

std::vector<BadFramesCase> bad_frames() {
  std::vector<BadFramesCase> cases;
  cases.push_back({"Nothing", {}, ErrorCode::kBadFormat});
  cases.push_back(
      {"NoDelimiter", {Frame::copy_of("a"), Frame::copy_of("b")}, ErrorCode::kBadFormat});
  cases.push_back({"DelimiterOnly", {Frame::copy_of(kDelimiter)}, ErrorCode::kBadFormat});
  for (std::size_t kept = 2; kept < 6; ++kept) {
    Frames cut = unsigned_frames(kHeader);
    cut.resize(kept);
    static const char* names[] = {"CutAfter2", "CutAfter3", "CutAfter4", "CutAfter5"};
    cases.push_back({names[kept - 2], cut, ErrorCode::kBadFormat});
  }
  const std::pair<const char*, std::string> headers[] = {
      {"HeaderEmpty", ""},
      {"HeaderList", "[1]"},
      {"HeaderNumber", "7"},
      {"HeaderCut", R"({"msg_id": "m", "msg_type": )"},
      {"HeaderWithoutId", R"({"msg_type": "t", "session": "s"})"},
      {"HeaderNumberAsId", R"({"msg_id": 7, "msg_type": "t", "session": "s"})"},
      {"HeaderNullType", R"({"msg_id": "m", "msg_type": null, "session": "s"})"},
      {"HeaderBadUtf8", "{\"msg_id\": \"\xff\xfe\", \"msg_type\": \"t\", \"session\": \"s\"}"},
      {"HeaderBinary", std::string("\x00\x01\x02\x80", 4)},
  };
  for (const auto& [name, header] : headers) {
    cases.push_back({name, unsigned_frames(header), ErrorCode::kBadFormat});
  }
  cases.push_back(
      {"DeepContent", unsigned_frames(kHeader, std::string(5000, '[')), ErrorCode::kBadFormat});
  cases.push_back(
      {"HugePart", unsigned_frames(kHeader, std::string(3000, ' ')), ErrorCode::kTooLarge});
  cases.push_back({"TooManyFrames", Frames(600), ErrorCode::kTooLarge});
  return cases;
}

class BadFrames : public testing::TestWithParam<BadFramesCase> {};

TEST_P(BadFrames, AreRefusedWithAReason) {
  WireLimits limits;
  limits.part_bytes_max = GetParam().code == ErrorCode::kTooLarge ? 2000 : 10000;
  limits.frames_max = 500;
  Wire wire = make_wire("", Packer::Kind::kJson, limits);
  const Result<Message> refused = wire.decode(GetParam().frames, Wire::Replays::kRefuse);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, GetParam().code) << refused.error().text;
  EXPECT_FALSE(refused.error().text.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, BadFrames, testing::ValuesIn(bad_frames()),
                         [](const auto& c) { return c.param.name; });

TEST(WireTest, BracketsInsideStringsAreNotNesting) {
  Wire wire = make_wire("");
  const Frames frames =
      unsigned_frames(kHeader, R"({"text": "\")" + std::string(1000, '[') + "\"}");
  EXPECT_TRUE(wire.decode(frames, Wire::Replays::kAllow).has_value());
}

TEST(WireTest, MsgpackBombsAreRefusedWithoutRecursion) {
  Wire wire = make_wire("", Packer::Kind::kMsgpack);
  Frames frames = unsigned_frames(std::string(100000, '\x91'));
  EXPECT_EQ(wire.decode(frames, Wire::Replays::kAllow).error().code, ErrorCode::kBadFormat);
}

TEST(WireTest, NoMutationOfAGoodMessageGetsThroughOrCrashes) {
  constexpr unsigned kSeed = 20261122;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  MessageFactory factory(SessionId("s"), "u", "1");
  for (const auto packer : {Packer::Kind::kJson, Packer::Kind::kMsgpack}) {
    Wire keyed = make_wire("key", packer);
    Wire open = make_wire("", packer);
    for (int round = 0; round < 5000; ++round) {
      const Message message = factory.make(MessageType::kResultRequest,
                                           R"({"msg_ids":["a"],"status_only":true})", kMoment);
      Frames frames = keyed.encode(message);
      const std::size_t part = 2 + random() % 4;
      std::string bytes = frames[part].to_string();
      if (bytes.empty()) continue;
      const std::size_t at = random() % bytes.size();
      const char before = bytes[at];
      bytes[at] = static_cast<char>(random());
      if (bytes[at] == before) continue;
      frames[part] = Frame(std::move(bytes));
      EXPECT_FALSE(keyed.decode(frames, Wire::Replays::kAllow).has_value());
      // Without a key anything may be well-formed still; it must only not crash.
      const Result<Message> unkeyed = open.decode(frames, Wire::Replays::kAllow);
      if (unkeyed) {
        EXPECT_FALSE(unkeyed->header.msg_id.empty());
      }
    }
  }
}

TEST(PackerTest, NamesWhatItSupports) {
  EXPECT_EQ(Packer::from_name("json")->kind(), Packer::Kind::kJson);
  EXPECT_EQ(Packer::from_name("msgpack.packb")->kind(), Packer::Kind::kMsgpack);
  const auto refused = Packer::from_name("pickle");
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("pickle"), std::string::npos);
  EXPECT_NE(refused.error().text.find("json"), std::string::npos);
}

}  // namespace
}  // namespace trireme
