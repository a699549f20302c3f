// Bad messages of every kind on every channel: dropped, counted, said once, and nothing else
// harmed.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

/// Where peers speak, and a message that is right there.
struct Place {
  Channel channel;
  std::string type;
  bool from_engine;
};

const std::vector<Place>& places() {
  static const std::vector<Place> kPlaces{
      {Channel::kQuery, "connection_request", false},
      {Channel::kMuxClients, "apply_request", false},
      {Channel::kMuxEngines, "apply_reply", true},
      {Channel::kControlClients, "clear_request", false},
      {Channel::kControlEngines, "clear_reply", true},
      {Channel::kTaskClients, "apply_request", false},
      {Channel::kTaskEngines, "apply_reply", true},
      {Channel::kBroadcastClients, "apply_request", false},
      {Channel::kBroadcastEngines, "apply_reply", true},
      {Channel::kIopubEngines, "stream", true},
  };
  return kPlaces;
}

/// The frames before the delimiter that belong on this channel.
Frames identities_of(const Place& place) {
  const Frame client(ControllerWorld::kClient);
  const Frame engine(std::string("e1"));
  if (place.channel == Channel::kIopubEngines) return {Frame(std::string("engine.0.stdout"))};
  if (place.from_engine) return {engine, client};
  if (place.channel == Channel::kMuxClients || place.channel == Channel::kControlClients) {
    return {client, engine};
  }
  return {client};
}

/// How a message is spoiled; signed parts are found relative to the delimiter.
struct Damage {
  std::string name;
  std::function<Frames(Frames frames, std::size_t delimiter)> apply;
};

Frame flipped(const Frame& frame) {
  std::string bytes = frame.to_string();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x20);
  return Frame(std::move(bytes));
}

const std::vector<Damage>& damages() {
  static const std::vector<Damage> kDamages{
      {"no frames at all", [](Frames, std::size_t) { return Frames(); }},
      {"one empty frame", [](Frames, std::size_t) { return Frames{Frame()}; }},
      {"identities only",
       [](Frames frames, std::size_t delimiter) {
         frames.resize(delimiter);
         return frames;
       }},
      {"no delimiter",
       [](Frames frames, std::size_t delimiter) {
         frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(delimiter));
         return frames;
       }},
      {"nothing after the delimiter",
       [](Frames frames, std::size_t delimiter) {
         frames.resize(delimiter + 1);
         return frames;
       }},
      {"no content",
       [](Frames frames, std::size_t delimiter) {
         frames.resize(delimiter + 5);
         return frames;
       }},
      {"no signature",
       [](Frames frames, std::size_t delimiter) {
         frames[delimiter + 1] = Frame();
         return frames;
       }},
      {"a wrong signature",
       [](Frames frames, std::size_t delimiter) {
         frames[delimiter + 1] = flipped(frames[delimiter + 1]);
         return frames;
       }},
      {"a changed header",
       [](Frames frames, std::size_t delimiter) {
         frames[delimiter + 2] = flipped(frames[delimiter + 2]);
         return frames;
       }},
      {"changed metadata",
       [](Frames frames, std::size_t delimiter) {
         frames[delimiter + 4] = Frame(std::string(R"({"retries": 99})"));
         return frames;
       }},
      {"a stranger's key",
       [](Frames frames, std::size_t delimiter) {
         const Wire stranger = make_test_wire("another key");
         const SignedParts parts{frames[delimiter + 2].view(), frames[delimiter + 3].view(),
                                 frames[delimiter + 4].view(), frames[delimiter + 5].view()};
         frames[delimiter + 1] = Frame(stranger.signer().sign(parts));
         return frames;
       }},
  };
  return kDamages;
}

/// Frames with these parts, whatever they are, signed by somebody who has the key.
Frames signed_frames(Frames identities, const std::vector<std::string>& parts) {
  const SignedParts views{parts[0], parts[1], parts[2], parts[3]};
  Frames frames = std::move(identities);
  frames.emplace_back(std::string(kDelimiter));
  frames.emplace_back(make_test_wire().signer().sign(views));
  for (const std::string& part : parts) frames.emplace_back(part);
  return frames;
}

/// The cluster still does what it is for.
void expect_service(ControllerWorld& world) {
  const MsgId task_id = world.submit();
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), task_id);
  const MsgId direct_id = world.apply_direct("e1");
  world.reply(world.take_for("e1", Channel::kMuxEngines));
  EXPECT_EQ(world.take(Channel::kMuxClients).parent(), direct_id);
  EXPECT_EQ(world.ask("connection_request").member("engines"), R"({"0":"e1"})");
}

TEST(HostileFrames, DamagedMessagesAreDroppedCountedAndSaidOnce) {
  for (const Place& place : places()) {
    for (const Damage& damage : damages()) {
      SCOPED_TRACE(damage.name + " on " + std::string(channel_name(place.channel)));
      ControllerWorld world;
      world.join_engine("e1");
      Message message = world.client.request(place.type, "{}", world.clock.now());
      message.identities = identities_of(place);
      const std::size_t delimiter = message.identities.size();
      const Frames bad = damage.apply(world.client.encode(message), delimiter);
      for (int times = 1; times <= 3; ++times) {
        world.receive(place.channel, bad);
        EXPECT_TRUE(world.is_silent());
        EXPECT_EQ(world.core().faults().total(), static_cast<std::uint64_t>(times));
        EXPECT_EQ(world.log_count(LogLevel::kWarning), 1u);
      }
      expect_service(world);
    }
  }
}

TEST(HostileFrames, PartsThatAreNotObjectsAreDroppedEvenWhenSigned) {
  const std::vector<std::vector<std::string>> bad{
      {"", "{}", "{}", "{}"},
      {"{", "{}", "{}", "{}"},
      {"[]", "{}", "{}", "{}"},
      {"null", "{}", "{}", "{}"},
      {"{}", "{}", "{}", "{}"},
      {R"({"msg_id": 7, "msg_type": "x", "session": "s"})", "{}", "{}", "{}"},
      {R"({"msg_id": "m", "msg_type": null, "session": "s"})", "{}", "{}", "{}"},
      {std::string(100'000, '['), "{}", "{}", "{}"},
  };
  for (const Place& place : places()) {
    const bool is_control =
        place.channel == Channel::kControlClients || place.channel == Channel::kControlEngines;
    if (is_control) continue;  // relayed by signature alone; the receiver reads it
    for (const std::vector<std::string>& parts : bad) {
      SCOPED_TRACE(parts[0].substr(0, 40) + " on " + std::string(channel_name(place.channel)));
      ControllerWorld world;
      world.join_engine("e1");
      world.receive(place.channel, signed_frames(identities_of(place), parts));
      EXPECT_TRUE(world.is_silent());
      EXPECT_EQ(world.core().faults().total(), 1u);
      expect_service(world);
    }
  }
}

TEST(HostileFrames, OddButSignedPartsHarmNobody) {
  const std::string header = R"({"msg_id": "odd", "msg_type": "apply_request", "session": "s",
      "username": "u", "date": "yesterday", "version": "5.3"})";
  const std::vector<std::string> odd{"{}",
                                     "[]",
                                     "null",
                                     "17",
                                     "\"text\"",
                                     "{",
                                     "",
                                     "{\"a\": ",
                                     R"({"status": 3, "msg_id": [], "targets": {"a": 1}})",
                                     R"({"targets": [["e1"]], "is_coalescing": "yes"})",
                                     "\xff\xfe",
                                     std::string("\0", 1)};
  for (const Place& place : places()) {
    for (std::size_t part = 1; part < 4; ++part) {
      for (const std::string& text : odd) {
        SCOPED_TRACE("part " + std::to_string(part) + " is " + text + " on " +
                     std::string(channel_name(place.channel)));
        ControllerCore::Options options = ControllerWorld::default_options();
        ControllerWorld world(options);
        world.join_engine("e1");
        std::vector<std::string> parts{header, "{}", "{}", "{}"};
        parts[part] = text;
        world.receive(place.channel, signed_frames(identities_of(place), parts));
        // Relays and refusals may say something; the task may even run.
        for (const SentFrames& sent : world.take_all()) {
          if (sent.channel != Channel::kTaskEngines) continue;
          Received run{sent.channel, "e1",
                       world.client.decode({sent.frames.begin() + 1, sent.frames.end()}),
                       sent.frames};
          world.reply(run);
        }
        world.take_all();
        expect_service(world);
      }
    }
  }
}

TEST(HostileFrames, AReplyWithUnreadableMetadataEndsTheAttemptAsFailed) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  const std::string header = R"({"msg_id": "odd", "msg_type": "apply_reply", "session": "e1",
      "username": "u", "date": "yesterday", "version": "5.3"})";
  const std::string parent = run.message.header_json.to_string();
  world.receive(Channel::kTaskEngines,
                signed_frames({Frame(std::string("e1")), Frame(ControllerWorld::kClient)},
                              {header, parent, R"({"status": 3})", "{}"}));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
  EXPECT_EQ(world.core().faults().total(), 1u);
  expect_service(world);
}

TEST(HostileFrames, ARelayNeedsAnAddressee) {
  for (const Channel channel : {Channel::kMuxClients, Channel::kMuxEngines,
                                Channel::kControlClients, Channel::kControlEngines}) {
    SCOPED_TRACE(channel_name(channel));
    ControllerWorld world;
    world.join_engine("e1");
    Message message = world.client.request("apply_request", "{}", world.clock.now());
    message.identities = {Frame(ControllerWorld::kClient)};
    world.receive(channel, world.client.encode(message));
    EXPECT_TRUE(world.is_silent());
    EXPECT_EQ(world.core().faults().total(), 1u);
    expect_service(world);
  }
}

TEST(HostileFrames, ATaskWithMoreThanItsSenderIsDropped) {
  ControllerWorld world;
  world.join_engine("e1");
  Message message = world.client.request("apply_request", "{}", world.clock.now());
  message.identities = {Frame(ControllerWorld::kClient), Frame(std::string("e1"))};
  world.receive(Channel::kTaskClients, world.client.encode(message));
  EXPECT_TRUE(world.is_silent());
  EXPECT_EQ(world.core().faults().total(), 1u);
  expect_service(world);
}

TEST(HostileFrames, ARequestToTheHubIsTakenOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  world.ask("connection_request");
  world.resend_last();
  EXPECT_TRUE(world.is_silent());
  EXPECT_EQ(world.core().faults().count(ErrorCode::kReplayed), 1u);
  expect_service(world);
}

TEST(HostileFrames, UnknownRequestsToTheHubAreAnsweredWithAnError) {
  ControllerWorld world;
  world.join_engine("e1");
  const Received reply = world.ask("make_coffee_request");
  EXPECT_EQ(reply.type(), "hub_error");
  EXPECT_EQ(reply.member("ename"), "\"KeyError\"");
  expect_service(world);
}

TEST(HostileFrames, EveryPeerAndKindHasItsOwnLogLine) {
  ControllerWorld world;
  for (const std::string peer : {"p1", "p2"}) {
    for (int times = 0; times < 5; ++times) {
      world.receive(Channel::kQuery, {Frame(peer), Frame(std::string("nonsense"))});
      Message message = world.client.request("connection_request", "{}", world.clock.now());
      message.identities = {Frame(peer)};
      Frames frames = world.client.encode(message);
      frames[2] = Frame(std::string(64, '0'));
      world.receive(Channel::kQuery, std::move(frames));
    }
  }
  EXPECT_EQ(world.core().faults().total(), 20u);
  EXPECT_EQ(world.log_count(LogLevel::kWarning), 4u);
}

TEST(HostileFrames, RepliesToTasksThatNeverWereAreDropped) {
  ControllerWorld world;
  world.join_engine("e1");
  Message request = world.client.request("apply_request", "{}", world.clock.now());
  Received invented{Channel::kTaskEngines, "e1", request, {}};
  invented.message.identities = {Frame(ControllerWorld::kClient)};
  world.reply(invented);
  EXPECT_TRUE(world.is_silent());
  expect_service(world);
}

TEST(HostileFrames, WhatIsNoRequestTakesNoEngine) {
  ControllerWorld world;
  world.join_engine("e1");
  for (const char* type : {"stream", "apply_reply", "status", "x"}) {
    const Message message = world.client.request(type, "{}", world.clock.now());
    Message sent = message;
    sent.identities = {Frame(ControllerWorld::kClient)};
    world.receive(Channel::kTaskClients, world.client.encode(sent));
    EXPECT_TRUE(world.is_silent()) << type;
  }
  expect_service(world);
}

}  // namespace
}  // namespace trireme::testing
