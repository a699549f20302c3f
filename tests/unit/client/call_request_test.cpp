// The words of a call follow the language of its function.
#include "client/call_request.hpp"

#include <gtest/gtest.h>

#include <trireme/errors.hpp>

#include "session/python_call.hpp"

namespace trireme {
namespace {

PythonCall python_call(const CallRequest& request) {
  EXPECT_EQ(request.msg_type, "apply_request");
  EXPECT_EQ(request.content.view(), "{}");
  Result<PythonCall> call = read_python_call(request.buffers);
  EXPECT_TRUE(call.has_value()) << call.error().text;
  return std::move(*call);
}

TEST(CallRequest, ANativeFunctionStandsInTheContent) {
  const CallRequest request = apply_request("mine.task", {1}, {{"k", 2}});
  const Result<NativeCall> call = decode_call(request.content.view(), request.buffers);
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->function, "mine.task");
  EXPECT_FALSE(request.is_execute);
}

TEST(CallRequest, ACompletionIsAskedForAtACharacter) {
  const CallRequest request = complete_request("std::ve", 7);
  EXPECT_EQ(request.msg_type, "complete_request");
  EXPECT_EQ(request.content.view(), R"({"code": "std::ve", "cursor_pos": 7})");
  EXPECT_FALSE(request.is_execute);
}

TEST(CallRequest, APythonFunctionIsImportedOrLookedUp) {
  using Kind = PythonFunction::Kind;
  struct Case {
    const char* function;
    Kind kind;
    const char* module;
    const char* name;
  };
  const Case cases[] = {
      {"python:os.getpid", Kind::kGlobal, "os", "getpid"},
      {"python:numpy.linalg.norm", Kind::kGlobal, "numpy.linalg", "norm"},
      {"python:datetime:datetime.now", Kind::kGlobal, "datetime", "datetime.now"},
      {"python:mod\xc3\xbcl.f", Kind::kGlobal, "mod\xc3\xbcl", "f"},
      {"python:twice", Kind::kReference, "", "twice"},
      {"python:(x.sum)", Kind::kReference, "", "(x.sum)"},
      {"python:lambda x: x", Kind::kReference, "", "lambda x: x"},
  };
  for (const Case& one : cases) {
    const PythonFunction found = python_call(apply_request(one.function, {}, {})).function;
    EXPECT_EQ(found.kind, one.kind) << one.function;
    EXPECT_EQ(found.module, one.module) << one.function;
    EXPECT_EQ(found.name, one.name) << one.function;
  }
  EXPECT_THROW(apply_request("python:", {}, {}), TypeError);
}

TEST(CallRequest, PythonArgumentsArePickled) {
  const PythonCall call =
      python_call(apply_request("python:f", {1, "two"}, {{"three", List{3.0}}}));
  ASSERT_EQ(call.args.size(), 2u);
  EXPECT_EQ(*call.args[1].to_value(nullptr), Value("two"));
  ASSERT_EQ(call.kwargs.size(), 1u);
  EXPECT_EQ(call.kwargs[0].first, "three");
}

TEST(CallRequest, APartOfAMapIsOneCallInEitherLanguage) {
  const Value lists = List{List{2}, List{3}};
  const CallRequest native = map_request("f", lists);
  EXPECT_EQ(decode_call(native.content.view(), native.buffers)->args.at(1), lists);
  const PythonCall python = python_call(map_request("python:math.sqrt", lists));
  ASSERT_EQ(python.args.size(), 2u);
  EXPECT_TRUE(read_python_function(python.args[0]).is("math", "sqrt"));
  EXPECT_EQ(*python.args[1].to_value(nullptr), lists);
}

TEST(CallRequest, NamesAreReachedByExpressionsThatEveryEngineKnows) {
  const PythonCall push = python_call(push_request({{"x", 1}}));
  EXPECT_EQ(push.function.name, kPythonPush);
  EXPECT_EQ(push.kwargs.at(0).first, "x");
  const PythonCall pull = python_call(pull_request("x"));
  EXPECT_EQ(pull.function.name, kPythonIdentity);
  EXPECT_EQ(pull.args.at(0).reference_name(), "x");
  EXPECT_EQ(python_call(keys_request()).function.name, kPythonKeys);
}

}  // namespace
}  // namespace trireme
