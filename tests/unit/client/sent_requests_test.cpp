// Requests are repeated word for word, in their order, at a pace.
#include "client/sent_requests.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trireme {
namespace {

using std::chrono::milliseconds;
constexpr auto kTask = ClientChannel::kTask;

class SentRequestsTest : public testing::Test {
 protected:
  ~SentRequestsTest() override { sent_.check_invariants(); }

  static Message request(const std::string& id) {
    Message message;
    message.header.msg_id = MsgId(id);
    message.content_json = Frame(std::string(100, 'x'));
    return message;
  }
  SentRequests::Number send(const std::string& id, std::size_t answers = 1) {
    return sent_.send(kTask, request(id), answers, out_);
  }
  /// What left since the last look.
  std::vector<std::string> left() {
    std::vector<std::string> ids;
    for (const auto& outgoing : out_.outgoing) ids.push_back(outgoing.message.header.msg_id.str());
    out_.outgoing.clear();
    return ids;
  }
  void come_back() { sent_.on_back(kTask, {now_, Timestamp(std::chrono::hours(1))}, out_); }
  void pass(milliseconds time) {
    now_ += time;
    sent_.on_deadline(now_, out_);
    sent_.check_invariants();
  }

  using Ids = std::vector<std::string>;
  SentRequests sent_{{.messages = 2, .bytes = 1000, .pause = milliseconds(5)}};
  ClientOutbox out_;
  Instant now_{std::chrono::hours(1)};
};

TEST_F(SentRequestsTest, ARequestLeavesAtOnce) {
  send("a");
  EXPECT_EQ(left(), Ids{"a"});
  EXPECT_TRUE(sent_.awaits_answers(kTask));
  EXPECT_EQ(sent_.next_deadline(), std::nullopt);
}

TEST_F(SentRequestsTest, OnlyTheUnansweredAreRepeatedInTheirOrder) {
  send("a");
  const auto b = send("b");
  send("c");
  left();
  sent_.take_answer(kTask, b);
  sent_.on_away(kTask);
  EXPECT_TRUE(left().empty());
  come_back();
  EXPECT_EQ(left(), (Ids{"a", "c"}));
  EXPECT_EQ(sent_.repeated(), 2u);
}

TEST_F(SentRequestsTest, WhatIsSubmittedMeanwhileWaitsBehindTheOlder) {
  send("a");
  send("b");
  left();
  sent_.on_away(kTask);
  send("c");
  EXPECT_TRUE(left().empty());
  come_back();
  EXPECT_EQ(left(), (Ids{"a", "b"}));
  send("d");
  EXPECT_TRUE(left().empty()) << "d overtook c";
  pass(milliseconds(5));
  EXPECT_EQ(left(), (Ids{"c", "d"}));
  EXPECT_EQ(sent_.repeated(), 2u);
  EXPECT_EQ(sent_.next_deadline(), std::nullopt);
  send("e");
  EXPECT_EQ(left(), Ids{"e"});
}

TEST_F(SentRequestsTest, ABatchEndsWithItsBytesToo) {
  for (int i = 0; i < 2; ++i) {
    Message big = request(std::to_string(i));
    big.buffers = {Frame(std::string(2000, 'y'))};
    sent_.send(kTask, std::move(big), 1, out_);
  }
  left();
  sent_.on_away(kTask);
  come_back();
  EXPECT_EQ(left(), Ids{"0"});
  ASSERT_EQ(sent_.next_deadline(), now_ + milliseconds(5));
  pass(milliseconds(5));
  EXPECT_EQ(left(), Ids{"1"});
}

TEST_F(SentRequestsTest, ASecondLossBeginsAnew) {
  for (const char* id : {"a", "b", "c"}) send(id);
  left();
  sent_.on_away(kTask);
  come_back();
  EXPECT_EQ(left(), (Ids{"a", "b"}));
  sent_.on_away(kTask);
  EXPECT_EQ(sent_.next_deadline(), std::nullopt);
  pass(milliseconds(50));
  EXPECT_TRUE(left().empty());
  come_back();
  EXPECT_EQ(left(), (Ids{"a", "b"}));
  pass(milliseconds(5));
  EXPECT_EQ(left(), Ids{"c"});
}

TEST_F(SentRequestsTest, ARequestWithSeveralAnswersIsKeptUntilTheLast) {
  const auto number = send("broadcast", 2);
  sent_.take_answer(kTask, number);
  EXPECT_TRUE(sent_.awaits_answers(kTask));
  sent_.take_answer(kTask, number);
  EXPECT_FALSE(sent_.awaits_answers(kTask));
  sent_.take_answer(kTask, number);
}

TEST_F(SentRequestsTest, AnswersThatComeWhileRepeatingSpareTheRest) {
  std::vector<SentRequests::Number> numbers;
  for (const char* id : {"a", "b", "c", "d"}) numbers.push_back(send(id));
  left();
  sent_.on_away(kTask);
  come_back();
  left();
  for (const auto number : numbers) sent_.take_answer(kTask, number);
  pass(milliseconds(5));
  EXPECT_TRUE(left().empty());
  send("e");
  EXPECT_EQ(left(), Ids{"e"});
}

TEST_F(SentRequestsTest, ChannelsAreApart) {
  send("task");
  sent_.on_away(kTask);
  sent_.send(ClientChannel::kMux, request("direct"), 1, out_);
  EXPECT_EQ(left(), (Ids{"task", "direct"}));
  EXPECT_FALSE(sent_.is_away(ClientChannel::kMux));
}

TEST(MayBeRepeated, WhatDoesSomethingAnewEachTimeIsNot) {
  EXPECT_TRUE(may_be_repeated(ClientChannel::kTask, "apply_request"));
  EXPECT_TRUE(may_be_repeated(ClientChannel::kControl, "shutdown_request"));
  EXPECT_TRUE(may_be_repeated(ClientChannel::kQuery, "db_request"));
  EXPECT_FALSE(may_be_repeated(ClientChannel::kQuery, "resubmit_request"));
  EXPECT_FALSE(may_be_repeated(ClientChannel::kQuery, "purge_request"));
  EXPECT_FALSE(may_be_repeated(ClientChannel::kQuery, "shutdown_request"));
  EXPECT_FALSE(may_be_repeated(ClientChannel::kControl, "signal_request"));
}

}  // namespace
}  // namespace trireme
