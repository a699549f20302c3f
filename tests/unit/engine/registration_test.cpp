// An engine asks to join, takes the hub's word, asks again once, and gives up in time.
#include "engine/registration.hpp"

#include <gtest/gtest.h>

#include "tests/unit/engine/engine_fixture.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

struct RegistrationTest : ::testing::Test {
  Registration make(std::optional<int> wanted_id = std::nullopt) {
    return Registration(EngineUuid("uuid-1"), MessageFactory(SessionId("uuid-1"), "u", "1"),
                        RegistrationOptions{wanted_id, milliseconds(5'000)});
  }
  static Message reply(std::string content, std::string_view type = "registration_reply") {
    MessageFactory hub(SessionId("hub"), "u", "1");
    return TestClient::through_wire(hub.make(type, std::move(content), kTestMoment));
  }
  RecordingOutbox box;
};

TEST_F(RegistrationTest, AsksWithItsUuidAndJoinsWithTheGrantedId) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  const Sent asked = box.expect(EngineChannel::kRegistration, "registration_request");
  EXPECT_EQ(asked.content, Json({{"uuid", "uuid-1"}}));
  registration.on_message(reply(R"({"id": 3, "status": "ok", "hb_period": 250})"), box.out());
  ASSERT_EQ(registration.state(), Registration::State::kJoined);
  EXPECT_EQ(registration.membership()->id, EngineId(3));
  EXPECT_EQ(registration.membership()->heartbeat_period, milliseconds(250));
  EXPECT_FALSE(registration.next_deadline().has_value());
}

TEST_F(RegistrationTest, AsksForTheWantedIdAndTellsWhenItGotAnother) {
  Registration registration = make(7);
  registration.start(at(milliseconds(0)), box.out());
  EXPECT_EQ(box.take().content, Json({{"uuid", "uuid-1"}, {"id", 7}}));
  registration.on_message(reply(R"({"id": 8, "status": "ok"})"), box.out());
  EXPECT_EQ(registration.state(), Registration::State::kJoined);
  ASSERT_EQ(box.out().log_lines.size(), 1u);
  EXPECT_NE(box.out().log_lines[0].text.find("Id 7 is taken"), std::string::npos);
}

TEST_F(RegistrationTest, AsksOnceMoreHalfwayThroughTheTimeout) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  EXPECT_EQ(registration.next_deadline(), at(milliseconds(2'500)).instant);
  registration.on_deadline(at(milliseconds(2'499)), box.out());
  EXPECT_TRUE(box.nothing_sent());
  registration.on_deadline(at(milliseconds(2'500)), box.out());
  box.expect(EngineChannel::kRegistration, "registration_request");
  EXPECT_EQ(registration.next_deadline(), at(milliseconds(5'000)).instant);
}

TEST_F(RegistrationTest, GivesUpAtTheTimeoutAndSaysGoodbye) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_deadline(at(milliseconds(5'000)), box.out());
  const Sent goodbye = box.expect(EngineChannel::kRegistration, "unregistration_request");
  EXPECT_EQ(goodbye.content, Json({{"id", nullptr}, {"uuid", "uuid-1"}}));
  EXPECT_EQ(registration.state(), Registration::State::kFailed);
  EXPECT_NE(registration.failure().find("5000 ms"), std::string::npos);
  registration.on_message(reply(R"({"id": 3, "status": "ok"})"), box.out());
  EXPECT_EQ(registration.state(), Registration::State::kFailed) << "a late grant changes nothing";
}

TEST_F(RegistrationTest, ARefusalEndsItWithTheHubsReason) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(
      reply(R"({"status": "error", "ename": "KeyError", "evalue": "uuid in use"})"), box.out());
  EXPECT_EQ(registration.state(), Registration::State::kFailed);
  EXPECT_NE(registration.failure().find("KeyError uuid in use"), std::string::npos);
}

TEST_F(RegistrationTest, ARefusalAfterTheGrantIsIgnored) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 0, "status": "ok"})"), box.out());
  registration.on_message(reply(R"({"status": "error", "ename": "KeyError", "evalue": ""})"),
                          box.out());
  EXPECT_EQ(registration.state(), Registration::State::kJoined);
}

TEST_F(RegistrationTest, RepliesWithoutAUsableIdFail) {
  for (const char* content :
       {R"({"status": "ok"})", R"({"status": "ok", "id": "three"})",
        R"({"status": "ok", "id": -1})", R"({"status": "ok", "id": 99999999999})",
        R"({"status": 1})", R"({})"}) {
    SCOPED_TRACE(content);
    Registration registration = make();
    registration.start(at(milliseconds(0)), box.out());
    box.take();
    registration.on_message(reply(content), box.out());
    EXPECT_EQ(registration.state(), Registration::State::kFailed);
    EXPECT_FALSE(registration.failure().empty());
  }
}

TEST_F(RegistrationTest, AnOddHeartbeatPeriodFallsBackToTheUsualOne) {
  for (const char* period : {"-5", "0", "\"fast\"", "1e300", "null"}) {
    SCOPED_TRACE(period);
    Registration registration = make();
    registration.start(at(milliseconds(0)), box.out());
    box.take();
    registration.on_message(
        reply(R"({"id": 0, "status": "ok", "hb_period": )" + std::string(period) + "}"), box.out());
    ASSERT_EQ(registration.state(), Registration::State::kJoined);
    EXPECT_EQ(registration.membership()->heartbeat_period, milliseconds(3'000));
  }
}

TEST_F(RegistrationTest, LeavingTellsTheHubOnce) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 4, "status": "ok"})"), box.out());
  registration.leave(at(milliseconds(10)), box.out());
  EXPECT_EQ(box.expect(EngineChannel::kRegistration, "unregistration_request").content,
            Json({{"id", 4}, {"uuid", "uuid-1"}}));
  registration.leave(at(milliseconds(11)), box.out());
  EXPECT_TRUE(box.nothing_sent());
}

TEST_F(RegistrationTest, OtherMessagesAreNoAnswer) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 4, "status": "ok"})", "queue_reply"), box.out());
  EXPECT_EQ(registration.state(), Registration::State::kAsked);
}

TEST_F(RegistrationTest, AnEngineThatIsStillKnownStaysAsItIs) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 3, "status": "ok"})"), box.out());
  registration.check(at(milliseconds(9)), box.out());
  box.expect(EngineChannel::kRegistration, "connection_request");
  registration.on_message(reply(R"({"engines": {"3": "uuid-1"}})", "connection_reply"), box.out());
  EXPECT_EQ(registration.next_deadline(), std::nullopt);
}

TEST_F(RegistrationTest, AnEngineThatIsUnknownJoinsAgainUntilItIsGranted) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 3, "status": "ok"})"), box.out());
  registration.check(at(milliseconds(9)), box.out());
  box.take();
  registration.on_message(reply(R"({"engines": {"0": "another"}})", "connection_reply"), box.out());
  for (const milliseconds now : {milliseconds(10), milliseconds(2'510)}) {
    ASSERT_LE(*registration.next_deadline(), at(now).instant);
    registration.on_deadline(at(now), box.out());
    EXPECT_EQ(box.expect(EngineChannel::kRegistration, "registration_request").content,
              Json({{"uuid", "uuid-1"}, {"id", 3}}));
  }
  registration.on_message(reply(R"({"id": 4, "status": "ok"})"), box.out());
  EXPECT_EQ(registration.membership()->id, EngineId(4));
  EXPECT_EQ(registration.state(), Registration::State::kJoined);
  EXPECT_EQ(registration.next_deadline(), std::nullopt);
}

TEST_F(RegistrationTest, AnswersOfAStrangeHubToACheckAreHarmless) {
  Registration registration = make();
  registration.start(at(milliseconds(0)), box.out());
  box.take();
  registration.on_message(reply(R"({"id": 3, "status": "ok"})"), box.out());
  for (const char* content : {"[]", "{}", R"({"engines": 5})", R"({"engines": []})"}) {
    registration.on_message(reply(content, "connection_reply"), box.out());
    EXPECT_EQ(registration.next_deadline(), std::nullopt) << content;
  }
}

}  // namespace
}  // namespace trireme
