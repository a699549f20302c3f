// Messages as this side makes them.
#include "session/message.hpp"

#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

const Timestamp kMoment = *parse_timestamp("2026-11-22T01:38:22.619123Z");

TEST(MessageFactoryTest, NumbersDatesAndNamesEveryMessage) {
  MessageFactory factory(SessionId("s"), "somebody", "77");
  const Message first = factory.make(MessageType::kQueueReply, R"({"status": "ok"})", kMoment);
  const Message second = factory.make("comm_msg", "{}", kMoment, Frame::copy_of("{}"), "{}");
  EXPECT_EQ(first.header.msg_id.str(), "s_77_0");
  EXPECT_EQ(second.header.msg_id.str(), "s_77_1");
  EXPECT_EQ(first.header_json.to_string(),
            R"({"msg_id": "s_77_0", "msg_type": "queue_reply", "username": "somebody", )"
            R"("session": "s", "date": "2026-11-22T01:38:22.619123Z", "version": "5.3"})");
}

TEST(SessionIdTest, HasTheShapePeersExpectAndIsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = new_session_id().str();
    ASSERT_EQ(id.size(), 33U);
    EXPECT_EQ(id[8], '-');
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(JsonQuoteTest, EscapesWhatJsonCannotCarry) {
  for (const std::string text : {"plain", "", "quote\" and \\", "line\nbreak\x01", "\xc3\xa9"}) {
    EXPECT_EQ(nlohmann::json::parse(json_quote(text)).get<std::string>(), text);
  }
  EXPECT_EQ(nlohmann::json::parse(json_quote("bad \xff byte")).get<std::string>(),
            "bad \xef\xbf\xbd byte");
}

TEST(ErrorContentTest, HasEveryKeyClientsReadAndAnEmptyEngineInfo) {
  const auto content = nlohmann::json::parse(error_content_json("KeyError", "'x'"));
  EXPECT_EQ(content["status"], "error");
  EXPECT_EQ(content["ename"], "KeyError");
  EXPECT_EQ(content["evalue"], "'x'");
  EXPECT_TRUE(content["traceback"].is_array());
  EXPECT_EQ(content["engine_info"], nlohmann::json::object());
}

TEST(MessageTypeTest, NamesAreUniqueAndFoundAgain) {
  std::set<std::string_view> names;
  for (const MessageTypeName& entry : kMessageTypes) {
    EXPECT_TRUE(names.insert(entry.wire_name).second) << entry.wire_name;
    EXPECT_EQ(message_type(entry.wire_name), entry.type);
    EXPECT_EQ(wire_name(entry.type), entry.wire_name);
  }
  EXPECT_EQ(message_type("no_such_request"), std::nullopt);
}

TEST(FrameTest, SharesBytesAndKnowsItsLastOwner) {
  Frame first(std::string("bytes"));
  EXPECT_TRUE(first.is_sole_owner());
  Frame second = first;
  EXPECT_FALSE(first.is_sole_owner());
  EXPECT_EQ(first.view().data(), second.view().data());
  first = Frame();
  EXPECT_TRUE(second.is_sole_owner());
  EXPECT_EQ(second.view(), "bytes");
  EXPECT_TRUE(first.empty());
}

TEST(FrameTest, FramesOfABlockLieTogetherAndOutliveIt) {
  Frames frames;
  {
    FrameBlock block(8);
    for (const char* text : {"one", "", "three"}) frames.push_back(block.add(text));
  }
  EXPECT_EQ(frames[0].view(), "one");
  EXPECT_TRUE(frames[1].empty());
  EXPECT_EQ(frames[0].storage(), frames[2].storage());
  EXPECT_FALSE(frames[2].is_sole_owner());
  frames.erase(frames.begin(), frames.begin() + 2);
  EXPECT_TRUE(frames[0].is_sole_owner());
  EXPECT_EQ(frames[0].view(), "three");
}

TEST(FrameTest, FramesReleasedTogetherEndTheirStoragesAndNoOthers) {
  const auto block_of = [](std::initializer_list<const char*> texts) {
    FrameBlock block(100);
    Frames frames;
    for (const char* text : texts) frames.push_back(block.add(text));
    return frames;
  };
  const Frames first = block_of({"a", "b"});
  const Frames second = block_of({"c", "d"});
  const Frame lone(std::string("lone"));
  Frames frames{first[0], first[1], Frame(), second[0], first[0], lone, second[1]};
  Frame::release(frames);
  EXPECT_TRUE(frames.empty());
  EXPECT_TRUE(lone.is_sole_owner());
  const Frame kept = first[1];
  EXPECT_EQ(kept.view(), "b");
  Frames rest = second;
  Frame::release(rest);
  EXPECT_EQ(second[1].view(), "d");
}

}  // namespace
}  // namespace trireme
