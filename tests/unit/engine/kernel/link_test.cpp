// Whatever an engine and its kernel say to each other arrives as it was said, however it is cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "engine/kernel/link_message.hpp"

namespace trireme {
namespace {

std::string bytes_of(const LinkFrame& frame) {
  std::string bytes = link_head(frame);
  for (const Frame& part : frame.parts) bytes += part.view();
  return bytes;
}

/// Feeds `bytes` in pieces of at most `step`.
std::vector<LinkFrame> read_in_steps(std::string_view bytes, std::size_t step) {
  LinkReader reader;
  std::vector<LinkFrame> frames;
  while (!bytes.empty()) {
    const std::span<char> space = reader.space();
    const std::size_t count = std::min({step, space.size(), bytes.size()});
    std::memcpy(space.data(), bytes.data(), count);
    bytes.remove_prefix(count);
    EXPECT_TRUE(reader.filled(count).has_value());
    while (auto frame = reader.next()) frames.push_back(std::move(*frame));
  }
  return frames;
}

struct LinkReaderCase {
  std::string name;
  std::vector<std::size_t> part_sizes;
  std::size_t step;
};

struct LinkReaderTest : ::testing::TestWithParam<LinkReaderCase> {};

TEST_P(LinkReaderTest, FramesComeOutAsTheyWentIn) {
  LinkFrame sent{7, {}};
  for (const std::size_t size : GetParam().part_sizes) {
    std::string part(size, '\0');
    for (std::size_t i = 0; i < size; ++i) part[i] = static_cast<char>(i * 31 + size);
    sent.parts.emplace_back(std::move(part));
  }
  const LinkFrame empty{3, {}};
  const std::string bytes = bytes_of(sent) + bytes_of(empty) + bytes_of(sent);
  const auto frames = read_in_steps(bytes, GetParam().step);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].kind, 7u);
  EXPECT_EQ(frames[0].parts, sent.parts);
  EXPECT_EQ(frames[1].kind, 3u);
  EXPECT_TRUE(frames[1].parts.empty());
  EXPECT_EQ(frames[2].parts, sent.parts);
}

INSTANTIATE_TEST_SUITE_P(
    Cuts, LinkReaderTest,
    ::testing::Values(LinkReaderCase{"NoParts", {}, 4}, LinkReaderCase{"ByteByByte", {0, 3, 1}, 1},
                      LinkReaderCase{"OddSteps", {10, 0, 100'000, 5}, 977},
                      LinkReaderCase{"LargeSteps", {300'000, 70'000, 0, 1}, 1u << 20},
                      LinkReaderCase{"ManyParts", std::vector<std::size_t>(20'000, 2), 65'536}),
    [](const auto& each) { return each.param.name; });

TEST(LinkReaderLimitsTest, AFrameWithTooManyPartsIsRefused) {
  std::string bytes(8, '\xff');
  LinkReader reader;
  std::memcpy(reader.space().data(), bytes.data(), bytes.size());
  EXPECT_EQ(reader.filled(bytes.size()).error().code, ErrorCode::kBadFormat);
}

TEST(LinkReaderLimitsTest, APartThatClaimsTooMuchIsRefused) {
  std::string bytes(16, '\xff');
  const std::uint32_t kind_and_count[] = {0, 1};
  std::memcpy(bytes.data(), kind_and_count, sizeof kind_and_count);
  LinkReader reader;
  std::memcpy(reader.space().data(), bytes.data(), bytes.size());
  EXPECT_EQ(reader.filled(bytes.size()).error().code, ErrorCode::kBadFormat);
}

/// Through bytes and back.
template <class Message>
Message round_trip(const Message& message) {
  auto frames = read_in_steps(bytes_of(encode_link(message)), 1'000);
  EXPECT_EQ(frames.size(), 1u);
  auto decoded = decode_link(std::move(frames.at(0)));
  EXPECT_TRUE(decoded.has_value());
  return std::get<Message>(*decoded);
}

TEST(LinkMessageTest, AStartCarriesTheWholeRequest) {
  const LinkStart start{RunNumber{5},          "id 1",
                        "execute_request",     12,
                        Frame::copy_of("{1}"), {Frame::copy_of("a"), Frame(), Frame::copy_of("b")}};
  const LinkStart got = round_trip(start);
  EXPECT_EQ(got.run, start.run);
  EXPECT_EQ(got.msg_id, start.msg_id);
  EXPECT_EQ(got.msg_type, start.msg_type);
  EXPECT_EQ(got.execution_count, 12);
  EXPECT_EQ(got.content_json, start.content_json);
  EXPECT_EQ(got.buffers, start.buffers);
}

TEST(LinkMessageTest, EveryOutcomeArrives) {
  const TaskSuccess success{R"({"result": 1})", {Frame::copy_of("raw")}, "{}"};
  auto got =
      round_trip(LinkEnded{RunNumber{1}, success, {{OutputPiece::Kind::kStderr, "x"}}, true});
  EXPECT_EQ(std::get<TaskSuccess>(got.outcome).content_json, success.content_json);
  EXPECT_EQ(std::get<TaskSuccess>(got.outcome).buffers, success.buffers);
  EXPECT_TRUE(got.is_last);
  EXPECT_EQ(std::get<TaskSuccess>(got.outcome).data_json, success.data_json);
  ASSERT_EQ(got.output.size(), 1u);
  EXPECT_EQ(got.output[0], (OutputPiece{OutputPiece::Kind::kStderr, "x"}));

  const TaskFailure failure{"Name", "text", {"line 1", "line 2"}};
  got = round_trip(LinkEnded{RunNumber{1}, failure, {}});
  EXPECT_EQ(std::get<TaskFailure>(got.outcome).ename, "Name");
  EXPECT_EQ(std::get<TaskFailure>(got.outcome).evalue, "text");
  EXPECT_EQ(std::get<TaskFailure>(got.outcome).traceback, failure.traceback);

  got = round_trip(LinkEnded{RunNumber{1}, TaskGaveUp{}, {}});
  EXPECT_TRUE(std::holds_alternative<TaskGaveUp>(got.outcome));
}

TEST(LinkMessageTest, SmallMessagesArrive) {
  EXPECT_EQ(round_trip(LinkJoined{3, "uuid"}).engine_uuid, "uuid");
  EXPECT_EQ(round_trip(LinkJoined{3, "uuid"}).engine_id, 3);
  EXPECT_EQ(round_trip(LinkStop{RunNumber{2}, StopReason::kInterrupted}).reason,
            StopReason::kInterrupted);
  EXPECT_EQ(round_trip(LinkAnswer{RunNumber{2}, "line"}).text, "line");
  EXPECT_EQ(round_trip(LinkAnswer{RunNumber{2}, std::nullopt}).text, std::nullopt);
  EXPECT_EQ(round_trip(LinkReady{17, "sh"}).functions, 17u);
  EXPECT_EQ(round_trip(LinkRefused{2, "why"}).text, "why");
  EXPECT_EQ(round_trip(LinkWaits{RunNumber{2}, Wanted::kPorts, "name: "}).wanted, Wanted::kPorts);
  EXPECT_EQ(round_trip(LinkLog{LogLevel::kError, "line"}).level, LogLevel::kError);
  EXPECT_EQ(round_trip(LinkOutput{RunNumber{2}, {{OutputPiece::Kind::kClear, "{}"}}}).pieces.size(),
            1u);
  EXPECT_EQ(round_trip(LinkPrepare{"cpp"}).language, "cpp");
  EXPECT_EQ(round_trip(LinkPrepared{"cpp"}).language, "cpp");
  round_trip(LinkClear{});
}

TEST(LinkMessageTest, DamagedMessagesAreRefusedAndCrashNobody) {
  const LinkFrame whole = encode_link(LinkEnded{
      RunNumber{1}, TaskFailure{"Name", "text", {"a", "b"}}, {{OutputPiece::Kind::kStdout, "x"}}});
  const std::string record = whole.parts.at(0).to_string();
  for (std::size_t length = 0; length < record.size(); ++length) {
    const auto decoded = decode_link({whole.kind, {Frame(record.substr(0, length))}});
    EXPECT_FALSE(decoded.has_value()) << length;
  }
  EXPECT_FALSE(decode_link({whole.kind, {Frame(record + "more")}}).has_value());
  EXPECT_FALSE(decode_link({whole.kind, {}}).has_value());
  EXPECT_FALSE(decode_link({999, {Frame(record)}}).has_value());
  EXPECT_FALSE(decode_link({whole.kind, {Frame(record), Frame(record)}}).has_value());
}

}  // namespace
}  // namespace trireme
