// Single fields of foreign texts: what is there is found, and no text does harm.
#include "controller/hub/json_fields.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(JsonFields, AStringUnderAKeyIsFoundAnywhere) {
  EXPECT_EQ(string_field(R"({"a": 1, "b": "text"})", "b"), "text");
  EXPECT_FALSE(string_field(R"({"a": 1})", "b"));
  EXPECT_FALSE(string_field(R"({"b": 1})", "b"));
  EXPECT_TRUE(bool_field(R"({"b": true})", "b"));
  EXPECT_FALSE(bool_field(R"({"b": "true"})", "b"));
}

TEST(JsonFields, AStreamNeedsNameAndTextInEitherOrder) {
  for (const char* json :
       {R"({"name": "stdout", "text": "x"})", R"({"text": "x", "name": "stdout"})"}) {
    const auto stream = stream_content(json);
    ASSERT_TRUE(stream) << json;
    EXPECT_EQ(stream->name, "stdout");
    EXPECT_EQ(stream->text, "x");
  }
}

TEST(JsonFields, BrokenTextsAreNoStreams) {
  for (const char* json :
       {"", "[]", "{", R"({"name"-1: "stdout", "text": "x"})",
        R"({"name": "stdout", "text"-1 "x"})", R"({"name": "\ud800", "text": "x"})",
        R"({"name": {, "text": "x"})", R"({"text": "x"})", R"({"name": 5, "text": "x"})",
        R"({"name": "stdout" "text": "x"})"}) {
    EXPECT_FALSE(stream_content(json)) << json;
  }
}

}  // namespace
}  // namespace trireme
