// The quick reader of flat objects: it says no more than a real parser would, and never less than
// it promises.
#include "session/plain_json.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include <nlohmann/json.hpp>

#include "session/wire.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

/// What was visited, as an object; nothing when the text was left to a parser.
std::optional<Json> read(std::string_view text) {
  Json object = Json::object();
  const bool is_plain =
      visit_plain_object(text, [&](std::string_view key, std::string_view value, PlainKind kind) {
        Json& member = object[std::string(key)];
        if (kind == PlainKind::kString) member = std::string(value);
        if (kind == PlainKind::kTrue) member = true;
        if (kind == PlainKind::kFalse) member = false;
        if (kind == PlainKind::kNull) member = nullptr;
      });
  return is_plain ? std::optional(object) : std::nullopt;
}

TEST(PlainJson, FlatObjectsOfPlainTextsAreRead) {
  for (const char* text :
       {"{}", " { } ", R"({"a": "b"})", R"({"a":"b","c":true , "d" : false,"e":null})",
        R"({"msg_id": "m", "session": "s", "date": "2026-01-01T10:00:00Z"})", R"({"": ""})",
        R"({"a": "{[,:]}"})", R"({"a": "1", "a": "2"})"}) {
    EXPECT_EQ(read(text), Json::parse(text)) << text;
  }
}

TEST(PlainJson, EverythingElseIsLeftToAParser) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[]",
                           "null",
                           R"("a")",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a": "b")",
                           R"({"a": "b"} x)",
                           R"({"a": "b",})",
                           R"({"a": "b" "c": "d"})",
                           R"({a: "b"})",
                           R"({"a": tru})",
                           R"({"a": truex})",
                           R"({"a": 1})",
                           R"({"a": []})",
                           R"({"a": {}})",
                           R"({"a": "\n"})",
                           "{\"a\": \"\xc3\xa9\"}",
                           "{\"a\":\t\"b\"}",
                           R"({"a": "b"}{)"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(PlainJson, EveryByteCountsAtEveryPlace) {
  for (std::size_t size = 0; size < 20; ++size) {
    EXPECT_TRUE(is_plain_text(std::string(size, 'a')));
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, '~');
        text[at] = static_cast<char>(byte);
        const bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '\\';
        ASSERT_EQ(is_plain_text(text), is_plain) << byte << " at " << at << " of " << size;
      }
    }
  }
}

TEST(PlainJson, WhateverIsReadMeansTheSameToAParser) {
  std::mt19937 random(20260101);
  const std::string pieces = "{}[]\",: \\truefalsn01ab\t\x7f\xc3";
  const std::string start = R"({"msg_id": "m_1", "ok": true, "none": null, "session": "s"})";
  int agreed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = start;
    for (unsigned i = random() % 4; i > 0; --i) {
      const std::size_t at = random() % text.size();
      const char piece = pieces[random() % pieces.size()];
      if (random() % 2 == 0) {
        text[at] = piece;
      } else {
        text.insert(at, 1, piece);
      }
    }
    const std::optional<Json> plain = read(text);
    if (!plain) continue;
    ++agreed;
    ASSERT_EQ(*plain, Json::parse(text, nullptr, false)) << text;
  }
  EXPECT_GT(agreed, 5000);
}

TEST(PlainJson, AHeaderSaysTheSameInEitherWay) {
  const std::string plain = R"({"msg_id": "m", "msg_type": "t", "session": "s", "date": "d"})";
  const std::string escaped =
      R"({"msg_id": "\u006d", "msg_type": "t", "session": "s", "date": "d", "more": {"a": [1]}})";
  for (const std::string& text : {plain, escaped}) {
    const Result<Header> header = parse_header(text);
    ASSERT_TRUE(header) << text;
    EXPECT_EQ(header->msg_id, MsgId("m"));
    EXPECT_EQ(header->msg_type, "t");
    EXPECT_EQ(header->session, SessionId("s"));
    EXPECT_EQ(header->date.view(), "d");
    EXPECT_EQ(*parse_msg_id(text), MsgId("m"));
  }
  for (const char* bad : {R"({"msg_id": null, "msg_type": "t", "session": "s"})",
                          R"({"msg_id": "m", "msg_type": true, "session": "s"})", "[]", ""}) {
    EXPECT_FALSE(parse_header(bad)) << bad;
  }
  for (const char* bad : {R"({"msg_id": null})", R"({"msg_id": ""})", "{}", "[]", ""}) {
    EXPECT_FALSE(parse_msg_id(bad)) << bad;
  }
}

}  // namespace
}  // namespace trireme
