// C++ types as values and back, and typed calls over them.
#include <gtest/gtest.h>

#include <set>

#include <trireme/fields.hpp>
#include <trireme/task.hpp>
#include <trireme/value_traits.hpp>

namespace tasks {

struct Word {
  std::string text;
  std::int64_t count = 0;
};
TRIREME_FIELDS(Word, text, count);

struct Report {
  std::vector<Word> words;
  std::optional<double> mean;
  std::map<std::string, int> by_letter;
};
TRIREME_FIELDS(Report, words, mean, by_letter);

inline constexpr trireme::Task<double(const std::vector<double>&)> kNorm{"tests.norm"};
inline constexpr trireme::Task<void(std::string, std::optional<int>)> kNote{"tests.note"};

}  // namespace tasks

namespace trireme {
namespace {

template <class Call>
std::string type_error(Call&& call) {
  try {
    call();
  } catch (const TypeError& error) {
    return error.what();
  }
  return "no TypeError";
}

template <class T>
T there_and_back(const T& thing) {
  return from_value<T>(to_value(thing));
}

TEST(ValueTraits, TypesSurviveTheRoundTrip) {
  EXPECT_EQ(there_and_back(true), true);
  EXPECT_EQ(there_and_back<std::int8_t>(-5), -5);
  EXPECT_EQ(there_and_back(0.25f), 0.25f);
  EXPECT_EQ(there_and_back<std::string>("x"), "x");
  EXPECT_EQ(there_and_back(std::vector<std::string>{"a", "b"}),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(there_and_back(std::vector<bool>{true, false}), (std::vector<bool>{true, false}));
  EXPECT_EQ(there_and_back(std::vector<std::vector<int>>{{1}, {}, {2, 3}}),
            (std::vector<std::vector<int>>{{1}, {}, {2, 3}}));
  EXPECT_EQ((there_and_back(std::array<float, 2>{1, 2})), (std::array<float, 2>{1, 2}));
  EXPECT_EQ((there_and_back(std::map<std::string, int>{{"a", 1}})),
            (std::map<std::string, int>{{"a", 1}}));
  EXPECT_EQ((there_and_back(std::unordered_map<std::string, bool>{{"a", true}})),
            (std::unordered_map<std::string, bool>{{"a", true}}));
  EXPECT_EQ((there_and_back(std::pair<int, std::string>{1, "b"})),
            (std::pair<int, std::string>{1, "b"}));
  EXPECT_EQ((there_and_back(std::tuple<int, double, bool>{1, 2.0, true})),
            (std::tuple<int, double, bool>{1, 2.0, true}));
  EXPECT_EQ(there_and_back(std::optional<int>{}), std::nullopt);
  EXPECT_EQ(there_and_back(std::optional<int>{4}), 4);
  EXPECT_EQ(there_and_back(std::complex<double>(1, -2)), std::complex<double>(1, -2));
  EXPECT_EQ(there_and_back(std::chrono::milliseconds(1500)), std::chrono::milliseconds(1500));
  EXPECT_EQ((there_and_back(std::vector<std::complex<float>>{{1, 2}})),
            (std::vector<std::complex<float>>{{1, 2}}));
}

TEST(ValueTraits, VectorsOfNumbersBecomeRawArrays) {
  EXPECT_EQ(to_value(std::vector<int>{1, 2}).as_array().dtype(), "<i4");
  EXPECT_EQ(to_value(std::vector<bool>{true}).as_array().dtype(), "|b1");
  EXPECT_TRUE(to_value(std::vector<std::string>{"a"}).is_list());
}

TEST(ValueTraits, AVectorGivenAwayIsNotCopied) {
  std::vector<double> items(100, 1.0);
  const double* const place = items.data();
  const Value value = to_value(std::move(items));
  EXPECT_EQ(value.as_array().elements<double>().data(), place);
  EXPECT_EQ(value.to<ArrayView<double>>().data(), place);
  EXPECT_EQ(value.to<std::span<const double>>().data(), place);
}

TEST(ValueTraits, VectorsAreReadFromListsAndOtherNumberTypes) {
  EXPECT_EQ(from_value<std::vector<double>>(List{1, 2.5}), (std::vector<double>{1.0, 2.5}));
  EXPECT_EQ(from_value<std::vector<double>>(Array::of<int>({1, 2})),
            (std::vector<double>{1.0, 2.0}));
  EXPECT_EQ(from_value<std::vector<std::int64_t>>(Array::of<std::uint8_t>({7})),
            (std::vector<std::int64_t>{7}));
  const Array matrix("<i4", {2, 2}, Bytes::adopt(std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(from_value<std::vector<std::vector<int>>>(matrix),
            (std::vector<std::vector<int>>{{1, 2}, {3, 4}}));
  EXPECT_EQ(from_value<double>(Array("<f8", {}, Bytes::adopt(std::vector<double>{0.5}))), 0.5);
}

TEST(ValueTraits, WhatDoesNotFitIsRefusedWithItsPlace) {
  EXPECT_EQ(type_error([] { (void)from_value<std::int8_t>(300); }),
            "the number 300 does not fit into 8 bits with sign");
  EXPECT_EQ(type_error([] { (void)from_value<unsigned>(-1); }),
            "the number -1 does not fit into 32 bits without sign");
  EXPECT_EQ(type_error([] {
              (void)from_value<std::vector<int>>(List{1, "x"});
            }),
            "entry 1: expected an integer, got a string");
  EXPECT_EQ(type_error([] { (void)from_value<std::pair<int, int>>(List{1}); }),
            "expected 2 entries, got 1");
  EXPECT_EQ(type_error([] {
              (void)from_value<std::map<std::string, int>>(Dict{{"a", 1.5}});
            }),
            "key 'a': expected an integer, got a number");
  EXPECT_EQ(type_error([] { (void)from_value<ArrayView<double>>(Array::of<int>({1})); }),
            "expected an array of <f8, got one of <i4");
}

TEST(Fields, StructsTravelAsDicts) {
  const Value value = to_value(tasks::Report{{{"a", 2}}, std::nullopt, {{"a", 1}}});
  EXPECT_EQ(value, Value(Dict{{"words", List{Dict{{"text", "a"}, {"count", 2}}}},
                              {"mean", nullptr},
                              {"by_letter", Dict{{"a", 1}}}}));
  const auto back = from_value<tasks::Report>(value);
  EXPECT_EQ(back.words.at(0).text, "a");
  EXPECT_EQ(back.mean, std::nullopt);
}

TEST(Fields, OnlyOptionalFieldsMayBeMissing) {
  EXPECT_EQ(from_value<tasks::Word>(Dict{{"text", "a"}, {"count", 1}, {"new", 2}}).count, 1);
  EXPECT_NO_THROW(from_value<tasks::Report>(Dict{{"words", List{}}, {"by_letter", Dict{}}}));
  EXPECT_EQ(type_error([] {
              (void)from_value<tasks::Word>(Dict{{"text", "a"}});
            }),
            "field 'count' is missing");
  EXPECT_EQ(type_error([] {
              (void)from_value<tasks::Report>(Dict{{"words", List{Dict{}}}});
            }),
            "field 'words': entry 0: field 'text' is missing");
}

TEST(Task, ArgumentsAreEncodedAsDeclared) {
  EXPECT_EQ(tasks::kNorm.name(), "tests.norm");
  std::vector<double> items{3.0, 4.0};
  const double* const place = items.data();
  const List moved = encode_arguments(tasks::kNorm, std::move(items));
  EXPECT_EQ(moved.at(0).as_array().elements<double>().data(), place);
  EXPECT_EQ(encode_arguments(tasks::kNote, "text", 3), (List{"text", 3}));
  EXPECT_EQ(encode_arguments(tasks::kNote, std::string("a"), std::nullopt), (List{"a", nullptr}));
}

template <class Given>
concept TakenByNorm = requires(Given given) {
  encode_arguments(tasks::kNorm, given);
};

TEST(Task, ArgumentsOfAnotherTypeDoNotCompile) {
  static_assert(TakenByNorm<std::vector<double>>);
  static_assert(!TakenByNorm<std::string>);
  static_assert(!TakenByNorm<std::set<double>>);
}

TEST(Task, ArgumentsAreDecodedWithCountAndPlaceChecked) {
  const List given{"a", 2};
  EXPECT_EQ((decode_arguments<std::string, int>("t", given)),
            (std::tuple<std::string, int>{"a", 2}));
  EXPECT_EQ(type_error([&] { (void)decode_arguments<int>("t", given); }),
            "task 't' takes 1 arguments, but the call has 2");
  EXPECT_EQ(type_error([&] { (void)decode_arguments<int, int>("t", given); }),
            "argument 1 of task 't': expected an integer, got a string");
}

}  // namespace
}  // namespace trireme
