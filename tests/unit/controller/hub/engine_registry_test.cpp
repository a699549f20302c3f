// Ids, pending registrations, and what is remembered of them.
#include "controller/hub/engine_registry.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace trireme {
namespace {

using namespace std::chrono_literals;

class Registry : public testing::Test {
 protected:
  EngineId begin(const std::string& uuid, std::optional<std::int32_t> wanted = std::nullopt) {
    auto id = registry_.begin(EngineUuid(uuid), wanted, now_);
    EXPECT_TRUE(id.has_value());
    return id ? *id : EngineId();
  }
  EngineId join(const std::string& uuid, std::optional<std::int32_t> wanted = std::nullopt) {
    begin(uuid, wanted);
    return registry_.on_beat(EngineUuid(uuid)).value_or(EngineId());
  }
  void TearDown() override { registry_.check_invariants(); }

  Instant now_{1s};
  EngineRegistry registry_{{.registration_timeout = 30s, .beats_to_join = 1}};
};

TEST_F(Registry, GivesIdsFromZeroAndNeverAgain) {
  EXPECT_EQ(join("a"), EngineId(0));
  EXPECT_EQ(join("b"), EngineId(1));
  EXPECT_EQ(registry_.remove(EngineId(1)), EngineUuid("b"));
  EXPECT_EQ(join("c"), EngineId(2));
  EXPECT_TRUE(registry_.is_dead(EngineId(1)));
  EXPECT_FALSE(registry_.is_live(EngineId(1)));
}

TEST_F(Registry, GrantsARequestedIdThatIsFree) {
  EXPECT_EQ(join("a", 5), EngineId(5));
  EXPECT_EQ(join("b"), EngineId(6)) << "the counter goes on above it";
  EXPECT_EQ(join("c", 3), EngineId(3)) << "also below the counter";
}

struct RefusedWish {
  const char* name;
  std::int32_t wanted;

  friend std::ostream& operator<<(std::ostream& out, const RefusedWish& self) {
    return out << self.wanted;
  }
};
class RegistryWish : public Registry, public testing::WithParamInterface<RefusedWish> {};

TEST_P(RegistryWish, GetsTheCountersIdInstead) {
  join("a", 5);
  begin("b", 7);
  EXPECT_EQ(begin("c", GetParam().wanted), EngineId(8));
}
INSTANTIATE_TEST_SUITE_P(
    Ids, RegistryWish,
    testing::Values(RefusedWish{"Live", 5}, RefusedWish{"Pending", 7}, RefusedWish{"Negative", -1},
                    RefusedWish{"TooHigh", EngineRegistry::kRequestedIdMax + 1},
                    RefusedWish{"Highest", INT32_MAX}),
    [](const auto& test) { return test.param.name; });

TEST_F(Registry, RefusesAUuidThatIsPendingOrLive) {
  begin("a");
  const auto again = registry_.begin(EngineUuid("a"), std::nullopt, now_);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kKeyError);
  EXPECT_EQ(again.error().text, "\"uuid 'a' in use\"");
  registry_.on_beat(EngineUuid("a"));
  EXPECT_FALSE(registry_.begin(EngineUuid("a"), std::nullopt, now_).has_value());
  EXPECT_EQ(join("b"), EngineId(3)) << "failed registrations use up ids";
}

TEST_F(Registry, RefusesAUuidThatCannotBeAnIdentity) {
  for (const std::string& uuid : {std::string(), std::string(256, 'x'), std::string("\0a", 2)}) {
    EXPECT_FALSE(registry_.begin(EngineUuid(uuid), std::nullopt, now_).has_value());
  }
}

TEST_F(Registry, IsNotLiveBeforeTheHeartBeats) {
  begin("a");
  EXPECT_TRUE(registry_.live().empty());
  EXPECT_FALSE(registry_.id_of(EngineUuid("a")).has_value());
  EXPECT_EQ(registry_.on_beat(EngineUuid("a")), EngineId(0));
  EXPECT_EQ(registry_.id_of(EngineUuid("a")), EngineId(0));
  EXPECT_FALSE(registry_.on_beat(EngineUuid("a")).has_value()) << "joined already";
}

TEST_F(Registry, WaitsForAsManyBeatsAsToldTo) {
  EngineRegistry patient({.registration_timeout = 30s, .beats_to_join = 3});
  ASSERT_TRUE(patient.begin(EngineUuid("a"), std::nullopt, now_).has_value());
  EXPECT_FALSE(patient.on_beat(EngineUuid("a")).has_value());
  EXPECT_FALSE(patient.on_beat(EngineUuid("a")).has_value());
  EXPECT_TRUE(patient.on_beat(EngineUuid("a")).has_value());
}

TEST_F(Registry, IgnoresHeartsNobodyRegistered) {
  EXPECT_FALSE(registry_.on_beat(EngineUuid("stranger")).has_value());
  EXPECT_FALSE(registry_.is_awaited(EngineUuid("stranger")));
}

TEST_F(Registry, LetsASilentRegistrationLapse) {
  begin("a", 4);
  EXPECT_EQ(registry_.next_deadline(), now_ + 30s);
  EXPECT_TRUE(registry_.on_deadline(now_ + 29s).empty());
  EXPECT_EQ(registry_.on_deadline(now_ + 30s), std::vector{EngineId(4)});
  EXPECT_FALSE(registry_.next_deadline().has_value());
  EXPECT_EQ(begin("b", 4), EngineId(4)) << "its id is free again";
  EXPECT_FALSE(registry_.is_awaited(EngineUuid("a"))) << "and taken for good";
}

TEST_F(Registry, CompletesALapsedRegistrationWhoseHeartBeatsAfterAll) {
  begin("a");
  registry_.on_deadline(now_ + 60s);
  EXPECT_TRUE(registry_.is_awaited(EngineUuid("a")));
  EXPECT_EQ(registry_.on_beat(EngineUuid("a")), EngineId(0));
  EXPECT_TRUE(registry_.is_live(EngineId(0)));
}

TEST_F(Registry, LetsAnEngineRegisterAgainAfterItLapsed) {
  begin("a");
  registry_.on_deadline(now_ + 60s);
  now_ += 60s;
  EXPECT_EQ(begin("a"), EngineId(1));
  EXPECT_EQ(registry_.next_deadline(), now_ + 30s);
  EXPECT_EQ(registry_.on_beat(EngineUuid("a")), EngineId(1));
}

TEST_F(Registry, KeepsDeadlinesApartWhenAUuidComesBack) {
  begin("a");
  now_ += 10s;
  begin("b");
  EXPECT_TRUE(registry_.cancel_pending(EngineId(0)));
  now_ += 10s;
  begin("a");
  EXPECT_EQ(registry_.next_deadline(), Instant(1s) + 40s);
  EXPECT_EQ(registry_.on_deadline(Instant(1s) + 45s), std::vector{EngineId(1)});
}

TEST_F(Registry, ForgetsACancelledRegistration) {
  begin("a");
  EXPECT_TRUE(registry_.cancel_pending(EngineId(0)));
  EXPECT_FALSE(registry_.cancel_pending(EngineId(0)));
  EXPECT_FALSE(registry_.is_awaited(EngineUuid("a")));
  EXPECT_FALSE(registry_.next_deadline().has_value());
}

TEST_F(Registry, RemembersOnlySoManyLapsedRegistrations) {
  for (std::size_t i = 0; i < EngineRegistry::kLapsedMax + 10; ++i) begin("e" + std::to_string(i));
  registry_.on_deadline(now_ + 60s);
  EXPECT_FALSE(registry_.is_awaited(EngineUuid("e0")));
  EXPECT_TRUE(registry_.is_awaited(EngineUuid("e10")));
}

TEST_F(Registry, RestoresItsSnapshot) {
  join("a");
  join("b", 9);
  EXPECT_EQ(registry_.snapshot_json(),
            "{\"engines\": {\"0\": \"a\", \"9\": \"b\"}, \"next_id\": 10}");
  EngineRegistry successor;
  ASSERT_TRUE(successor.restore(registry_.snapshot_json()).has_value());
  EXPECT_EQ(successor.live(), registry_.live());
  EXPECT_EQ(successor.snapshot_json(), registry_.snapshot_json());
  successor.check_invariants();
}

TEST_F(Registry, RestoresThoseThatWereToldAnIdAndHadNotJoined) {
  join("a");
  begin("pending");
  EXPECT_EQ(registry_.snapshot_json(),
            R"({"engines": {"0": "a"}, "awaited": {"1": "pending"}, "next_id": 2})");
  EngineRegistry successor;
  ASSERT_TRUE(successor.restore(registry_.snapshot_json()).has_value());
  EXPECT_EQ(successor.snapshot_json(), registry_.snapshot_json()) << "lapsed ones are kept, too";
  EXPECT_EQ(successor.awaited_id_of(EngineUuid("pending")), EngineId(1));
  EXPECT_EQ(successor.begin(EngineUuid("new"), std::nullopt, now_).value(), EngineId(2));
  EXPECT_EQ(successor.on_beat(EngineUuid("pending")), EngineId(1));
  EXPECT_TRUE(successor.is_live(EngineId(1)));
  successor.check_invariants();
}

class BadSnapshot : public testing::TestWithParam<const char*> {};

TEST_P(BadSnapshot, IsRefusedWhole) {
  EngineRegistry registry;
  const auto restored = registry.restore(GetParam());
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().code, ErrorCode::kBadFormat);
  EXPECT_TRUE(registry.live().empty());
}
INSTANTIATE_TEST_SUITE_P(Texts, BadSnapshot,
                         testing::Values("", "{", "[]", "{}", R"({"engines": {}})",
                                         R"({"engines": [], "next_id": 1})",
                                         R"({"engines": {"0": "a"}, "next_id": "1"})",
                                         R"({"engines": {"0": 1}, "next_id": 1})",
                                         R"({"engines": {"x": "a"}, "next_id": 1})",
                                         R"({"engines": {"-1": "a"}, "next_id": 1})",
                                         R"({"engines": {"0": "a", "1": "a"}, "next_id": 2})",
                                         R"({"engines": {"0": ""}, "next_id": 1})",
                                         R"({"engines": {}, "awaited": 1, "next_id": 1})",
                                         R"({"engines": {}, "awaited": {"0": 1}, "next_id": 1})",
                                         R"({"engines": {"0": "a"}, "awaited": {"1": "a"},
                                             "next_id": 2})",
                                         R"({"engines": {"99999999999": "a"}, "next_id": 1})"));

TEST_F(Registry, MendsACounterThatIsTooLow) {
  ASSERT_TRUE(registry_.restore(R"({"engines": {"7": "a"}, "next_id": 0})").has_value());
  EXPECT_EQ(join("b"), EngineId(8));
}

}  // namespace
}  // namespace trireme
