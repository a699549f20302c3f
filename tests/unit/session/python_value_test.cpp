// What crosses the border between Python and us, in both directions, and what is refused.
#include "session/python_value.hpp"

#include <gtest/gtest.h>

#include "session/pickle_reader.hpp"
#include "session/pickle_writer.hpp"
#include "session/python_call.hpp"
#include "tests/unit/session/captured_pickles.hpp"

namespace trireme {
namespace {

/// The arguments of the captured apply_request in this file.
Frames captured_request(const std::string& wanted) {
  Frames found;
  visit_captured_buffers([&](const std::string& file, const nlohmann::json& message,
                             const Frames& buffers, const nlohmann::json&) {
    const bool is_request = is_apply_request(message);
    if (file == wanted && is_request && found.empty()) found = buffers;
  });
  return found;
}

PythonCall captured_call(const std::string& file) {
  Result<PythonCall> call = read_python_call(captured_request(file));
  EXPECT_TRUE(call.has_value()) << file << ": " << call.error().text;
  return std::move(*call);
}

std::optional<Value> lookup_x(std::string_view name) {
  if (name == "x") return Value(42);
  return std::nullopt;
}

Result<Value> argument(const PythonCall& call, std::size_t index) {
  return call.args.at(index).to_value(lookup_x);
}

TEST(PythonCallReader, ReadsEveryCapturedRequestToItsLastFrame) {
  int requests = 0;
  visit_captured_buffers([&](const std::string& file, const nlohmann::json& message,
                             const Frames& buffers, const nlohmann::json&) {
    if (!is_apply_request(message)) return;
    ++requests;
    const Result<PythonCall> call = read_python_call(buffers);
    EXPECT_TRUE(call.has_value()) << file << ": " << call.error().text;
  });
  EXPECT_GT(requests, 40);
}

TEST(PythonCallReader, TellsWhatIsCalled) {
  struct Case {
    const char* file;
    PythonFunction::Kind kind;
    const char* module;
    const char* name;
  };
  using Kind = PythonFunction::Kind;
  const Case cases[] = {
      {"ipp71_mux_apply_reference_scalars", Kind::kReference, "", "f"},
      {"ipp71_mux_apply_builtin", Kind::kGlobal, "math", "sqrt"},
      {"ipp71_mux_push", Kind::kFunction, "ipyparallel.util", "_push"},
      {"ipp92_mux_push", Kind::kFunction, "ipyparallel.util", "_push"},
      {"ipp71_mux_pull", Kind::kFunction, "ipyparallel.util", "_pull"},
      {"ipp71_mux_map", Kind::kFunction, "ipyparallel.client.remotefunction", "<lambda>"},
      {"ipp88_mux_map", Kind::kFunction, "ipyparallel.client.remotefunction", "_map"},
      {"ipp71_mux_apply_partial", Kind::kOther, "", ""},
  };
  for (const Case& one : cases) {
    const PythonFunction function = captured_call(one.file).function;
    EXPECT_EQ(function.kind, one.kind) << one.file;
    EXPECT_EQ(function.module, one.module) << one.file;
    EXPECT_EQ(function.name, one.name) << one.file;
    EXPECT_FALSE(function.description.empty());
  }
}

TEST(PythonValue, NumbersOfAllSizesArrive) {
  const PythonCall call = captured_call("ipp71_mux_apply_reference_ints");
  const Value expected[] = {0, -1, 255, 65536, 2147483648, -1099511627776};
  for (std::size_t i = 0; i < std::size(expected); ++i) EXPECT_EQ(*argument(call, i), expected[i]);
  EXPECT_EQ(*argument(call, 7), Value(1.5e300));
  const Result<Value> big = argument(call, 6);
  ASSERT_FALSE(big.has_value());
  EXPECT_EQ(big.error().code, ErrorCode::kTypeError);
  EXPECT_NE(big.error().text.find("64 bits"), std::string::npos);
}

TEST(PythonValue, ContainersAndKeywordsArrive) {
  const PythonCall call = captured_call("ipp71_mux_apply_reference_containers");
  EXPECT_EQ(*argument(call, 0), Value(List{1, List{2, "x"}}));
  EXPECT_EQ(*argument(call, 1), Value(Dict{{"a", 1}, {"b", List{nullptr}}}));
  EXPECT_EQ(*argument(call, 2), Value(List{1, 2}));
  EXPECT_EQ(*argument(call, 3), Value(List{}));
  EXPECT_EQ(*argument(call, 4), Value(List{3}));
  ASSERT_EQ(call.kwargs.size(), 3u);
  EXPECT_EQ(call.kwargs[2].first, "zed");
  EXPECT_EQ(*call.kwargs[2].second.to_value(nullptr), Value("q"));
}

TEST(PythonValue, LongBytesComeFromTheirOwnFrame) {
  EXPECT_EQ(*argument(captured_call("ipp71_mux_apply_bytes_large"), 0),
            Value(Bytes(std::string(2000, 'z'))));
  EXPECT_TRUE(argument(captured_call("ipp71_mux_apply_bytes_small"), 0)->is_bytes());
}

TEST(PythonValue, ArraysOfEveryKindArrive) {
  const PythonCall special = captured_call("ipp71_mux_apply_numpy_special");
  const Value scalar = *argument(special, 0);
  EXPECT_TRUE(scalar.as_array().shape().empty());
  EXPECT_EQ(scalar.as_array().element(0), Value(3.5));
  EXPECT_EQ(*argument(special, 1), Value(Array("<f8", {0}, {})));
  EXPECT_EQ(argument(special, 2).error().code, ErrorCode::kTypeError);
  EXPECT_EQ(argument(special, 3).error().code, ErrorCode::kTypeError);
  const Array floats = argument(special, 4)->as_array();
  EXPECT_EQ(floats.shape(), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(floats.elements<float>()[5], 5.0f);

  for (const char* file : {"ipp71_mux_apply_numpy_small", "ipp71_mux_apply_numpy_large",
                           "ipp71_mux_apply_numpy_scalar"}) {
    const PythonCall call = captured_call(file);
    for (std::size_t i = 0; i < call.args.size(); ++i) {
      EXPECT_TRUE(argument(call, i).has_value()) << file << ": " << argument(call, i).error().text;
    }
  }
}

TEST(PythonValue, FortranOrderAndBigEndianNumbersAreTurned) {
  PickleWriter writer;
  const auto begin = [&] {
    writer.global("numpy._core.multiarray", "_reconstruct");
    writer.begin_tuple();
    writer.global("numpy", "ndarray");
    writer.value(List{});
    writer.bytes("b");
    writer.end_tuple();
    writer.reduce();
    writer.begin_tuple();
    writer.integer(1);
  };
  begin();
  writer.begin_tuple();
  writer.integer(2);
  writer.integer(3);
  writer.end_tuple();
  writer.global("numpy", "dtype");
  writer.begin_tuple();
  writer.text("i2");
  writer.boolean(false);
  writer.boolean(true);
  writer.end_tuple();
  writer.reduce();
  writer.begin_tuple();
  writer.integer(3);
  writer.text(">");
  writer.end_tuple();
  writer.build();
  writer.boolean(true);
  writer.bytes(std::string("\0\1\0\4\0\2\0\5\0\3\0\6", 12));
  writer.end_tuple();
  writer.build();
  std::size_t next = 0;
  const Result<Value> value = PythonObject::take({Frame(writer.finish())}, next)->to_value(nullptr);
  ASSERT_TRUE(value.has_value()) << value.error().text;
  const auto numbers = value->as_array().elements<std::int16_t>();
  EXPECT_EQ(std::vector<std::int16_t>(numbers.begin(), numbers.end()),
            (std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}));
}

TEST(PythonValue, ReferencesAreLookedUp) {
  PythonCall call = captured_call("ipp71_mux_apply_reference_scalars");
  std::size_t next = 0;
  const Frames frames = write_python_pull("x");
  const auto found = PythonObject::take({frames[2]}, next)->to_value(lookup_x);
  EXPECT_EQ(*found, Value(42));
  next = 0;
  const auto missing = PythonObject::take({write_python_pull("y")[2]}, next)->to_value(lookup_x);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kKeyError);
  EXPECT_EQ(missing.error().text, "name 'y' is not defined");
}

TEST(PythonValue, WhatHasNoCounterpartIsNamed) {
  using namespace std::string_literals;
  struct Case {
    std::string bytes;
    const char* reason;
  };
  const Case cases[] = {
      {"\x80\x04\x8c\x04math\x8c\x04sqrt\x93."s, "math.sqrt"},
      {"\x80\x04\x8c\x08"
       "builtins\x8c\x07"
       "complex\x93K\x01K\x02\x86R."s,
       "builtins.complex"},
      {"\x80\x04}K\x01Ns."s, "keys"},
      {"\x80\x02"
       "c__builtin__\nxrange\nK\x00J\xff\xff\xff\x7fK\x01\x87R."s,
       "a range of 2147483647 numbers"},
      {"\x80\x04]\x94h\x00"
       "a."s,
       "nested deeper"},
  };
  for (const Case& one : cases) {
    std::size_t next = 0;
    const Result<PythonObject> object = PythonObject::take({Frame(one.bytes)}, next);
    ASSERT_TRUE(object.has_value()) << object.error().text;
    const Result<Value> value = object->to_value(nullptr);
    ASSERT_FALSE(value.has_value());
    EXPECT_EQ(value.error().code, ErrorCode::kTypeError);
    EXPECT_NE(value.error().text.find(one.reason), std::string::npos) << value.error().text;
  }
}

TEST(PythonValue, RangesArriveAsLists) {
  using namespace std::string_literals;
  struct Case {
    std::string bounds;  // begin, end, step
    List numbers;
  };
  const Case cases[] = {
      {"K\x00K\x03K\x01"s, {0, 1, 2}},
      {"K\x05J\xfd\xff\xff\xffJ\xfe\xff\xff\xff"s, {5, 3, 1, -1}},
      {"K\x04K\x04K\x01"s, {}},
      {"K\x04K\x03K\x01"s, {}},
      {"\x8a\x08\0\0\0\0\0\0\0\x80"
       "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\0\0\0\0\0\0\0\x40"s,
       {INT64_MIN, INT64_MIN / 2, 0, INT64_MAX / 2 + 1}},
  };
  for (const Case& one : cases) {
    const std::string bytes =
        "\x80\x04\x8c\x08"s + "builtins\x8c\x05" + "range\x93" + one.bounds + "\x87R.";
    std::size_t next = 0;
    const Result<PythonObject> object = PythonObject::take({Frame(bytes)}, next);
    ASSERT_TRUE(object.has_value()) << object.error().text;
    const Result<Value> value = object->to_value(nullptr);
    ASSERT_TRUE(value.has_value()) << value.error().text;
    EXPECT_EQ(*value, Value(one.numbers));
  }
}

TEST(PythonValue, APickleThatExpandsWithoutEndIsRefused) {
  std::string bytes = "\x80\x04]\x94";  // [] as number 0, then lists that each hold ten of the last
  for (int level = 0; level < 40; ++level) {
    bytes += "](";
    for (int i = 0; i < 10; ++i) (bytes += 'h') += static_cast<char>(level);
    bytes += "e\x94";
  }
  bytes += '.';
  std::size_t next = 0;
  const Result<PythonObject> object = PythonObject::take({Frame(bytes)}, next);
  ASSERT_TRUE(object.has_value());
  const Result<Value> value = object->to_value(nullptr);
  ASSERT_FALSE(value.has_value());
  EXPECT_NE(value.error().text.find("expands"), std::string::npos) << value.error().text;
}

TEST(PythonValue, EveryValueComesBackFromItsFrames) {
  const Bytes small(std::string("\0\xff", 2));
  const Bytes large(std::string(5000, 'b'));
  std::vector<double> numbers(1000, 0.5);
  const Array array = Array::of(numbers);
  List many(100, Value(array.slice(0, 2)));
  const Value values[] = {
      nullptr,
      true,
      false,
      0,
      255,
      256,
      65535,
      65536,
      -1,
      std::int64_t{1} << 40,
      std::numeric_limits<std::int64_t>::min(),
      1.25,
      -0.0,
      "",
      "gr\xc3\xbc\xc3\x9f",
      std::string(300, 'x'),
      std::string(70000, 'y'),
      "\xed\xa0\x80",
      small,
      large,
      array,
      Array("<f8", {}, Bytes(std::string(8, '\0'))),
      Array("<i4", {0, 3}, {}),
      Array("|b1", {2}, Bytes(std::string("\1\0", 2))),
      List{},
      Dict{},
      List{1, "two", small, large, array, List{array, small}},
      Dict{{"a", array}, {"b", large}, {"c", Dict{{"d", List{nullptr}}}}, {"\xc3\xa9", 1}},
      many};
  Frames frames;
  for (const Value& value : values) append_python_object(value, frames);
  std::size_t next = 0;
  for (const Value& value : values) {
    const Result<PythonObject> object = PythonObject::take(frames, next);
    ASSERT_TRUE(object.has_value()) << object.error().text;
    const Result<Value> again = object->to_value(nullptr);
    ASSERT_TRUE(again.has_value()) << value.to_string() << ": " << again.error().text;
    EXPECT_EQ(*again, value) << value.to_string();
  }
  EXPECT_EQ(next, frames.size());
}

TEST(PythonValue, LongBytesAndArraysAreSentWithoutACopy) {
  const Bytes large(std::string(5000, 'b'));
  Frames frames;
  append_python_object(List{large}, frames);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].view().data(), large.text().data());
}

TEST(PythonValue, TextThatIsNoUtf8TravelsAsBytes) {
  Frames frames;
  append_python_object(std::string("\xff\xfe"), frames);
  std::size_t next = 0;
  EXPECT_EQ(*PythonObject::take(frames, next)->to_value(nullptr),
            Value(Bytes(std::string("\xff\xfe"))));
}

TEST(PythonCallWriter, IsReadBack) {
  const Frames frames = write_python_call({PythonTarget::Kind::kImportable, "os.path.join"},
                                          {"a", Bytes(std::string(2000, 'b'))}, {{"key", 1}});
  const Result<PythonCall> call = read_python_call(frames);
  ASSERT_TRUE(call.has_value()) << call.error().text;
  EXPECT_TRUE(call->function.is("os.path", "join"));
  ASSERT_EQ(call->args.size(), 2u);
  EXPECT_EQ(call->args[1].to_value(nullptr)->size(), 2000u);
  ASSERT_EQ(call->kwargs.size(), 1u);
  EXPECT_TRUE(read_python_call(write_python_call({PythonTarget::Kind::kImportable, "len"}, {}, {}))
                  ->function.is("builtins", "len"));
  EXPECT_TRUE(
      read_python_call(
          write_python_call({PythonTarget::Kind::kImportable, "datetime:datetime.now"}, {}, {}))
          ->function.is("datetime", "datetime.now"));
  EXPECT_EQ(read_python_call(write_python_call({PythonTarget::Kind::kExpression, "f"}, {}, {}))
                ->function.name,
            "f");
}

TEST(PythonCallReader, RefusesWhatIsNoCall) {
  PickleWriter writer;
  writer.value(Dict{{"nargs", 3}, {"kw_keys", List{1}}});
  const Frame bad_keys(writer.finish());
  writer.value(Dict{{"nargs", 1000000000000}, {"kw_keys", List{}}});
  const Frame many(writer.finish());
  writer.value(5);
  const Frame five(writer.finish());
  const Frames cases[] = {{},       {five}, {five, five}, {five, bad_keys}, {five, many, five},
                          {Frame()}};
  for (const Frames& frames : cases) {
    const Result<PythonCall> call = read_python_call(frames);
    ASSERT_FALSE(call.has_value());
    EXPECT_EQ(call.error().code, ErrorCode::kBadFormat);
  }
}

}  // namespace
}  // namespace trireme
