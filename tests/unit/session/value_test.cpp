// Values: checked access, arrays that share their bytes, and the texts people read.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <trireme/value.hpp>

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

TEST(Value, EachKindIsReadByItsAccessor) {
  EXPECT_TRUE(Value().is_null());
  EXPECT_TRUE(Value(nullptr).is_null());
  EXPECT_EQ(Value(true).as_bool(), true);
  EXPECT_EQ(Value(7).as_int(), 7);
  EXPECT_EQ(Value(std::uint8_t{200}).as_int(), 200);
  EXPECT_EQ(Value(2.5f).as_double(), 2.5);
  EXPECT_EQ(Value(3).as_double(), 3.0);
  EXPECT_EQ(Value("text").as_string(), "text");
  EXPECT_EQ(Value(Bytes(std::string("ab"))).as_bytes().text(), "ab");
  EXPECT_EQ(Value(Array::of<int>({1, 2})).as_array().size(), 2u);
  EXPECT_EQ((Value(List{1, "a"}).as_list().size()), 2u);
  EXPECT_EQ((Value(Dict{{"a", 1}}).as_dict().size()), 1u);
}

TEST(Value, AccessToAnotherKindNamesBoth) {
  EXPECT_EQ(type_error([] { (void)Value("x").as_int(); }), "expected an integer, got a string");
  EXPECT_EQ(type_error([] { (void)Value(1.5).as_int(); }), "expected an integer, got a number");
  EXPECT_EQ(type_error([] { (void)Value(1).as_bool(); }), "expected a bool, got an integer");
  EXPECT_EQ(type_error([] { (void)Value(true).as_double(); }), "expected a number, got a bool");
  EXPECT_EQ(type_error([] { (void)Value().as_list(); }), "expected a list, got null");
}

TEST(Value, AnUnsignedNumberBeyondTheRangeIsRefused) {
  EXPECT_THROW(Value(std::numeric_limits<std::uint64_t>::max()), TypeError);
  EXPECT_EQ(Value(std::uint64_t{5}).as_int(), 5);
}

TEST(Value, KindsThatLookAlikeAreNotEqual) {
  EXPECT_EQ(Value(1), Value(1));
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_NE(Value(1), Value(true));
  EXPECT_NE(Value(Bytes(std::string("a"))), Value("a"));
  EXPECT_EQ(Value(Dict{{"k", List{1, "x"}}}), Value(Dict{{"k", List{1, "x"}}}));
}

TEST(Value, EntriesAreFoundByKeyAndIndex) {
  const Value value(Dict{{"list", List{10, 20}}});
  EXPECT_EQ(value.at("list").at(1), Value(20));
  EXPECT_EQ(value.find("none"), nullptr);
  EXPECT_EQ(Value(1).find("none"), nullptr);
  EXPECT_THROW(value.at("none"), TypeError);
  EXPECT_THROW(value.at("list").at(2), TypeError);
}

TEST(Bytes, CopiesShareTheSameBytes) {
  const Bytes first(std::string(100, 'x'));
  const Bytes second = first;  // NOLINT: the copy is the point
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(first.part(10, 5).data(), first.data() + 10);
  EXPECT_THROW(first.part(99, 2), TypeError);
}

TEST(Array, TakesAVectorOverWithoutCopying) {
  std::vector<double> items{1.0, 2.0, 3.0};
  const double* const place = items.data();
  const Array array = Array::of(std::move(items));
  EXPECT_EQ(array.elements<double>().data(), place);
  EXPECT_EQ(array.dtype(), "<f8");
  EXPECT_EQ(array.shape(), std::vector<std::int64_t>{3});
}

TEST(Array, WrongShapesAndTypesAreRefused) {
  const Bytes eight = Bytes::adopt(std::vector<double>{1.0});
  EXPECT_NO_THROW(Array("<f8", {1, 1}, eight));
  EXPECT_NO_THROW(Array("<f8", {}, eight));
  const std::string huge = std::to_string(std::numeric_limits<std::int64_t>::max());
  EXPECT_THROW(Array("<f8", {2}, eight), TypeError);
  EXPECT_THROW(Array("<f8", {-1}, eight), TypeError);
  EXPECT_THROW(Array("<f8", {std::stoll(huge), 4}, eight), TypeError);
  for (const char* dtype :
       {"", "f8", "<f1", "<f3", "<q8", "<f8x", "<f99999999999999999999", "<i0"}) {
    EXPECT_THROW(Array(dtype, {1}, eight), TypeError) << dtype;
  }
  EXPECT_THROW(Array("<f8", {1}, eight).elements<float>(), TypeError);
}

TEST(Array, MisalignedBytesAreMovedToAnAlignedPlace) {
  std::vector<std::byte> raw(17);
  raw[1] = std::byte{42};
  const Bytes all = Bytes::adopt(std::move(raw));
  const Array array("<i8", {2}, all.part(1, 16));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data().data()) % 8, 0u);
  EXPECT_EQ(array.elements<std::int64_t>()[0], 42);
}

TEST(Array, ElementsOfMoreDimensionsAreArraysThatShareTheBytes) {
  const Array matrix("<i4", {2, 3}, Bytes::adopt(std::vector<int>{1, 2, 3, 4, 5, 6}));
  const Value row = matrix.element(1);
  EXPECT_EQ(row.as_array().data().data(), matrix.data().data() + 12);
  EXPECT_EQ(row.as_array().element(2), Value(6));
  EXPECT_EQ(matrix.slice(1, 1).shape(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_THROW(matrix.element(2), TypeError);
  EXPECT_THROW(matrix.slice(1, 2), TypeError);
}

struct NumberCase {
  const char* dtype;
  Bytes data;
  Value value;
};

TEST(Array, EveryNumberTypeIsReadElementByElement) {
  const NumberCase cases[] = {
      {"|b1", Bytes::adopt(std::vector<std::uint8_t>{1}), true},
      {"|i1", Bytes::adopt(std::vector<std::int8_t>{-3}), -3},
      {"|u1", Bytes::adopt(std::vector<std::uint8_t>{250}), 250},
      {"<i2", Bytes::adopt(std::vector<std::int16_t>{-300}), -300},
      {"<u2", Bytes::adopt(std::vector<std::uint16_t>{60000}), 60000},
      {"<i4", Bytes::adopt(std::vector<std::int32_t>{-70000}), -70000},
      {"<u4", Bytes::adopt(std::vector<std::uint32_t>{4000000000u}), 4000000000},
      {"<i8", Bytes::adopt(std::vector<std::int64_t>{-5000000000}), -5000000000},
      {"<u8", Bytes::adopt(std::vector<std::uint64_t>{5000000000u}), 5000000000},
      {"<f4", Bytes::adopt(std::vector<float>{0.5f}), 0.5},
      {"<f8", Bytes::adopt(std::vector<double>{0.1}), 0.1},
      {"<c8", Bytes::adopt(std::vector<float>{1.0f, 2.0f}), List{1.0, 2.0}},
      {"<c16", Bytes::adopt(std::vector<double>{1.0, 2.0}), List{1.0, 2.0}},
      {"|S3", Bytes(std::string("ab\0", 3)), Bytes(std::string("ab"))},
      {"|V2", Bytes(std::string("ab")), Bytes(std::string("ab"))},
  };
  for (const NumberCase& one : cases) {
    EXPECT_EQ(Array(one.dtype, {1}, one.data).element(0), one.value) << one.dtype;
  }
}

TEST(ValueText, PeopleSeeShortenedBytesAndArrays) {
  EXPECT_EQ(Value(Array::of<int>({1, 2, 3, 4, 5, 6, 7})).to_string(),
            "array(<i4, [7]) [1, 2, 3, 4, 5, 6, ...]");
  EXPECT_EQ(Value(Bytes(std::string("\x01\xff"))).to_string(), "bytes[2] 01ff");
  EXPECT_EQ(Value(List{1, nullptr, "a\"b", std::nan("")}).to_string(),
            "[1, null, \"a\\\"b\", nan]");
  EXPECT_EQ(Value(Dict{{"a", Dict{}}}).to_string(), "{\"a\": {}}");
}

TEST(ValueJson, IsReadableByOtherPrograms) {
  EXPECT_EQ(to_json(Dict{{"a", List{1, 1.0, true, nullptr}}}), R"({"a": [1, 1.0, true, null]})");
  EXPECT_EQ(to_json(std::nan("")), "null");
  EXPECT_EQ(to_json(Bytes(std::string("Hello"))), "\"SGVsbG8=\"");
  EXPECT_EQ(to_json(Bytes(std::string("ab"))), "\"YWI=\"");
  EXPECT_EQ(to_json(Bytes(std::string("a"))), "\"YQ==\"");
  EXPECT_EQ(to_json(Bytes(std::string("abc"))), "\"YWJj\"");
  EXPECT_EQ(to_json(Array("<i4", {2, 2}, Bytes::adopt(std::vector<int>{1, 2, 3, 4}))),
            "[[1, 2], [3, 4]]");
  EXPECT_EQ(to_json("\xff\n\x01\xc3\xa4"), "\"\xEF\xBF\xBD\\n\\u0001\xc3\xa4\"");
  EXPECT_EQ(to_pretty_json(Dict{{"a", List{1}}, {"b", List{}}}),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}");
}

TEST(ValueJson, TextIsReadBack) {
  EXPECT_EQ(parse_json(R"({"a": [1, -2, 2.5, "x\u00e4", null, false], "$k": {}})"),
            Value(Dict{{"a", List{1, -2, 2.5, "x\xc3\xa4", nullptr, false}}, {"$k", Dict{}}}));
  EXPECT_EQ(parse_json("18446744073709551615"), Value(18446744073709551615.0));
}

TEST(ValueJson, WhatIsNoJsonIsRefused) {
  for (const char* text : {"", "{", "[1,]", "nul", "1 2", "{\"a\" 1}", "\"\xff\"", "1e999"}) {
    EXPECT_THROW(parse_json(text), FormatError) << text;
  }
  EXPECT_THROW(parse_json(std::string(100000, '[')), FormatError);
}

TEST(ValueJson, DoublesSurviveTheRoundTrip) {
  for (const double number : {0.1, 1e300, 5e-324, -0.0, 1.0 / 3, 123456789012345680.0}) {
    const Value back = parse_json(to_json(number));
    ASSERT_TRUE(back.is_double()) << to_json(number);
    EXPECT_EQ(back.as_double(), number);
    EXPECT_EQ(std::signbit(back.as_double()), std::signbit(number));
  }
}

}  // namespace
}  // namespace trireme
