// Dates as peers write them.
#include "session/clock.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace trireme {
namespace {

struct DateCase {
  const char* name;
  const char* text;
  const char* as_utc;  // null: refused
};

class ParseTimestamp : public testing::TestWithParam<DateCase> {};

TEST_P(ParseTimestamp, GivesTheMomentInUtcOrRefuses) {
  const auto parsed = parse_timestamp(GetParam().text);
  if (GetParam().as_utc == nullptr) {
    EXPECT_FALSE(parsed.has_value());
  } else {
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(format_timestamp(*parsed), GetParam().as_utc);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Dates, ParseTimestamp,
    testing::Values(
        DateCase{"SixDigits", "2026-11-22T01:38:22.619123Z", "2026-11-22T01:38:22.619123Z"},
        DateCase{"NoFraction", "2026-11-22T01:38:22Z", "2026-11-22T01:38:22.000000Z"},
        DateCase{"ShortFraction", "2026-11-22T01:38:22.5Z", "2026-11-22T01:38:22.500000Z"},
        DateCase{"Nanoseconds", "2026-11-22T01:38:22.123456789Z", "2026-11-22T01:38:22.123456Z"},
        DateCase{"OffsetWithColon", "2026-11-22T01:38:22+02:00", "2026-11-21T23:38:22.000000Z"},
        DateCase{"OffsetWithoutColon", "2026-11-22T01:38:22.1-0130", "2026-11-22T03:08:22.100000Z"},
        DateCase{"SpaceForT", "2026-11-22 01:38:22+00:00", "2026-11-22T01:38:22.000000Z"},
        DateCase{"LeapDay", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
        DateCase{"BeforeTheEpoch", "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
        DateCase{"NoLeapDay", "2026-02-29T00:00:00Z", nullptr},
        DateCase{"MonthThirteen", "2026-13-01T00:00:00Z", nullptr},
        DateCase{"HourTwentyFour", "2026-11-22T24:00:00Z", nullptr},
        DateCase{"DateOnly", "2026-11-22", nullptr},
        DateCase{"DotWithoutDigits", "2026-11-22T01:38:22.Z", nullptr},
        DateCase{"TextBehind", "2026-11-22T01:38:22Zebra", nullptr},
        DateCase{"BadOffset", "2026-11-22T01:38:22+2", nullptr}, DateCase{"Empty", "", nullptr},
        DateCase{"Word", "yesterday", nullptr}),
    [](const auto& c) { return c.param.name; });

TEST(ParseTimestampTest, TakesADateWithoutZoneAsLocalTime) {
  ::setenv("TZ", "EST5", 1);
  ::tzset();
  const auto parsed = parse_timestamp("2026-11-22T01:00:00");
  ::unsetenv("TZ");
  ::tzset();
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(format_timestamp(*parsed), "2026-11-22T06:00:00.000000Z");
}

TEST(SystemClockTest, NeverRunsBackwards) {
  const SystemClock clock;
  const Now first = clock.now();
  EXPECT_LE(first.instant, clock.now().instant);
}

}  // namespace
}  // namespace trireme
