#include "session/clock.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace trireme {
namespace {

using std::chrono::microseconds;

std::optional<int> read_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<microseconds> read_fraction(std::string_view& text) {
  if (!skip(text, '.')) return microseconds{0};
  std::int64_t value = 0;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 6) value = value * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (std::size_t i = digits; i < 6; ++i) value *= 10;
  return microseconds{value};
}

// The offset of the zone named by the rest of the text; local time when there is none.
std::optional<std::chrono::seconds> read_zone(std::string_view text,
                                              std::chrono::sys_seconds as_utc) {
  if (text == "Z" || text == "z") return std::chrono::seconds{0};
  if (text.empty()) {
    const std::time_t wall = as_utc.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&wall, &parts);
    parts.tm_isdst = -1;
    return std::chrono::seconds{wall - std::mktime(&parts)};
  }
  const int sign = text.front() == '-' ? -1 : 1;
  if (text.front() != '-' && text.front() != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = read_digits(text, 2);
  if (!hours) return std::nullopt;
  skip(text, ':');
  const auto minutes = read_digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::seconds{sign * (*hours * 3600 + *minutes * 60)};
}

}  // namespace

Now SystemClock::now() const {
  return {std::chrono::steady_clock::now(),
          std::chrono::floor<microseconds>(std::chrono::system_clock::now())};
}

std::string format_timestamp(Timestamp moment) {
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{moment - day};
  std::array<char, 48> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  const auto year = read_digits(text, 4);
  if (!year || !skip(text, '-')) return std::nullopt;
  const auto month = read_digits(text, 2);
  if (!month || !skip(text, '-')) return std::nullopt;
  const auto day = read_digits(text, 2);
  if (!day || !(skip(text, 'T') || skip(text, ' '))) return std::nullopt;
  const auto hour = read_digits(text, 2);
  if (!hour || !skip(text, ':')) return std::nullopt;
  const auto minute = read_digits(text, 2);
  if (!minute || !skip(text, ':')) return std::nullopt;
  const auto second = read_digits(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto fraction = read_fraction(text);
  if (!fraction) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const std::chrono::sys_seconds as_utc = std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                                          std::chrono::minutes{*minute} +
                                          std::chrono::seconds{*second};
  const auto offset = read_zone(text, as_utc);
  if (!offset) return std::nullopt;
  return Timestamp{as_utc - *offset} + *fraction;
}

}  // namespace trireme
