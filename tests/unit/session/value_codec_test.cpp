// Native calls and results on the wire: what is small is JSON, what is big is a shared buffer.
#include "session/value_codec.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trireme {
namespace {

Value there_and_back(const Value& value) {
  const EncodedValue encoded = encode_value(value);
  Result<Value> back = decode_value(encoded.json, encoded.buffers);
  if (!back) {
    ADD_FAILURE() << encoded.json << ": " << back.error().text;
    return {};
  }
  return *back;
}

TEST(ValueCodec, EveryKindSurvivesTheRoundTrip) {
  const Value values[] = {
      nullptr,
      true,
      -5,
      2.0,
      1e-300,
      "text with \"quotes\" and \xc3\xa4",
      std::string("\0zero", 5),
      "\xff not UTF-8",
      std::string(kInlineTextBytesMax + 1, 'x'),
      Bytes(),
      Bytes(std::string("\0\1\2", 3)),
      Array::of<double>({1.0, 2.0}),
      Array(),
      Array("<i4", {}, Bytes::adopt(std::vector<int>{5})),
      Array("<i4", {2, 0, 3}, Bytes()),
      List{},
      List{1, List{2, List{}}, Dict{}},
      Dict{{"a", Bytes(std::string("x"))}, {"b", Array::of<int>({1})}},
      Dict{{"$buffer", 0}},
      Dict{{"$dict", Dict{{"$dict", Dict{}}}}, {"plain", Dict{{"$x", 1}}}},
      Dict{{"$text", Array::of<int>({1})}, {"", 1}},
      std::numeric_limits<double>::infinity(),
      -std::numeric_limits<double>::infinity(),
  };
  for (const Value& value : values) EXPECT_EQ(there_and_back(value), value) << value.to_string();
  EXPECT_TRUE(std::isnan(there_and_back(std::nan("")).as_double()));
}

TEST(ValueCodec, TheTextIsAsDocumented) {
  const EncodedValue encoded =
      encode_value(List{Array("<f8", {1, 2}, Bytes::adopt(std::vector<double>{1, 2})),
                        Bytes(std::string("ab")), "\xff", std::nan(""), Dict{{"$k", 1}}});
  EXPECT_EQ(encoded.json,
            R"([{"$buffer": 0, "dtype": "<f8", "shape": [1, 2]}, {"$buffer": 1}, {"$text": 2}, )"
            R"({"$float": "nan"}, {"$dict": {"$k": 1}}])");
  ASSERT_EQ(encoded.buffers.size(), 3u);
  EXPECT_EQ(encoded.buffers[1].view(), "ab");
  EXPECT_EQ(encoded.buffers[2].view(), "\xff");
}

TEST(ValueCodec, BytesAreSharedBothWays) {
  const Array array = Array::of(std::vector<double>(100, 1.5));
  const EncodedValue encoded = encode_value(array);
  ASSERT_EQ(encoded.buffers.size(), 1u);
  const void* const place = array.data().data();
  EXPECT_EQ(static_cast<const void*>(encoded.buffers[0].view().data()), place);
  const Result<Value> back = decode_value(encoded.json, encoded.buffers);
  ASSERT_TRUE(back);
  EXPECT_EQ(static_cast<const void*>(back->as_array().data().data()), place);
}

TEST(ValueCodec, DecodedBytesOutliveTheFrames) {
  Frames frames{Frame(std::string(1000, 'x'))};
  const Result<Value> value = decode_value(R"({"$buffer": 0})", frames);
  frames.clear();
  ASSERT_TRUE(value);
  EXPECT_EQ(value->as_bytes().text(), std::string(1000, 'x'));
}

TEST(ValueCodec, HostileTextIsAnError) {
  const Frames buffers{Frame(std::string(16, 'x'))};
  const char* const texts[] = {
      "",
      "{",
      "[1, 2",
      "nonsense",
      "1e999",
      R"({"$buffer": 1})",
      R"({"$buffer": -1})",
      R"({"$buffer": 99999999999999999999})",
      R"({"$buffer": "0"})",
      R"({"$buffer": [0]})",
      R"({"$buffer": 0, "dtype": "<f8"})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": [3]})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": [-2]})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": [4611686018427387904, 4]})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": 2})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": [2.0]})",
      R"({"$buffer": 0, "dtype": "O", "shape": [2]})",
      R"({"$buffer": 0, "dtype": 8, "shape": [2]})",
      R"({"$buffer": 0, "dtype": "<f8", "shape": [2], "more": 1})",
      R"({"$buffer": 0, "more": 1})",
      R"({"$text": 7})",
      R"({"$float": "minus"})",
      R"({"$float": 1})",
      R"({"$dict": 1})",
      R"({"$dict": {}, "more": 1})",
      R"({"$unknown": 1})",
      R"({"a": 1, "$b": 2})",
  };
  for (const char* text : texts) {
    const Result<Value> value = decode_value(text, buffers);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, ErrorCode::kBadFormat) << text;
    EXPECT_FALSE(value.error().text.empty()) << text;
  }
  EXPECT_FALSE(decode_value(std::string(1u << 20, '['), buffers));
}

TEST(ValueCodec, EveryCutOfAGoodTextIsAnError) {
  const EncodedValue encoded =
      encode_value(Dict{{"a", List{1, 2.5, "x"}}, {"b", Array::of<int>({1})}, {"$c", nullptr}});
  for (std::size_t size = 0; size < encoded.json.size(); ++size) {
    EXPECT_FALSE(decode_value(encoded.json.substr(0, size), encoded.buffers)) << size;
  }
}

TEST(ValueCodec, TooDeepValuesAreRefusedAndTheDeepestAllowedIsReadBack) {
  const auto nested = [](std::size_t depth) {
    Value value = 1;
    for (std::size_t i = 0; i < depth; ++i) value = Dict{{"$", std::move(value)}};
    return value;
  };
  EXPECT_EQ(there_and_back(nested(kValueDepthMax)), nested(kValueDepthMax));
  EXPECT_THROW(encode_value(nested(kValueDepthMax + 1)), TypeError);
}

TEST(ValueCodec, CallsSurviveTheRoundTrip) {
  const List args{1, Array::of<double>({2.0})};
  const Dict kwargs{{"$odd", Bytes(std::string("b"))}};
  const EncodedValue encoded = encode_call("tests.f", args, kwargs);
  const Result<NativeCall> call = decode_call(encoded.json, encoded.buffers);
  ASSERT_TRUE(call) << call.error().text;
  EXPECT_EQ(call->function, "tests.f");
  EXPECT_EQ(call->args, args);
  EXPECT_EQ(call->kwargs, kwargs);
}

TEST(ValueCodec, ACallWithoutFunctionIsAPythonCall) {
  EXPECT_EQ(decode_call("{}", {}).error().code, ErrorCode::kNotFound);
}

TEST(ValueCodec, MalformedCallsAreErrors) {
  for (const char* text :
       {"", "[]", "null", R"({"function": 1})", R"({"function": "f", "args": {}})",
        R"({"function": "f", "kwargs": []})", R"({"function": "f", "args": [{"$buffer": 0}]})"}) {
    const Result<NativeCall> call = decode_call(text, {});
    ASSERT_FALSE(call) << text;
    EXPECT_EQ(call.error().code, ErrorCode::kBadFormat) << text;
  }
  EXPECT_TRUE(decode_call(R"({"function": "f"})", {}));
}

TEST(ValueCodec, ResultsSurviveTheRoundTrip) {
  const EncodedValue encoded = encode_result(List{1, Bytes(std::string("x"))});
  EXPECT_TRUE(encoded.json.starts_with(R"({"status": "ok", "result": )"));
  const Result<Value> result = decode_result(encoded.json, encoded.buffers);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, Value(List{1, Bytes(std::string("x"))}));
  EXPECT_EQ(decode_result(R"({"status": "ok"})", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(decode_result("[", {}).error().code, ErrorCode::kBadFormat);
}

TEST(ValueCodec, PackedResultsCanBeJoined) {
  const EncodedValue call = encode_call("f", {}, {}, ResultForm::kPacked);
  EXPECT_EQ(decode_call(call.json, call.buffers)->form, ResultForm::kPacked);
  const List results{1, List{Array::of<int>({1, 2}), Bytes(std::string("x"))}, nullptr};
  Frames joined;
  for (const Value& result : results) {
    const EncodedValue encoded = encode_result(result, ResultForm::kPacked);
    joined.insert(joined.end(), encoded.buffers.begin(), encoded.buffers.end());
  }
  const auto back = decode_packed_results(joined);
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, results);
  joined.erase(joined.begin() + 2);
  EXPECT_EQ(decode_packed_results(joined).error().code, ErrorCode::kBadFormat);
  joined.resize(2);
  EXPECT_EQ(decode_packed_results(joined).error().code, ErrorCode::kBadFormat);
  EXPECT_TRUE(decode_packed_results({})->empty());
}

}  // namespace
}  // namespace trireme
