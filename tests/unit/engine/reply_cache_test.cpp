// The latest replies can be given again, within fixed limits.
#include "engine/reply_cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme {
namespace {

KeptReply reply_of(const std::string& content) {
  KeptReply reply;
  reply.content_json = Frame::copy_of(content);
  return reply;
}

MsgId id_of(std::size_t number) { return MsgId(std::to_string(number)); }

TEST(ReplyCacheTest, AReplyIsFoundByItsRequest) {
  ReplyCache cache;
  cache.put(MsgId("a"), reply_of("1"));
  ASSERT_EQ(cache.find(MsgId("a")).answer, ReplyCache::Answer::kKept);
  EXPECT_EQ(cache.find(MsgId("a")).reply->content_json.view(), "1");
  EXPECT_EQ(cache.find(MsgId("b")).answer, ReplyCache::Answer::kUnknown);
}

TEST(ReplyCacheTest, TheFirstReplyIsTheReply) {
  ReplyCache cache;
  cache.put(MsgId("a"), reply_of("1"));
  cache.put(MsgId("a"), reply_of("2"));
  EXPECT_EQ(cache.find(MsgId("a")).reply->content_json.view(), "1");
  cache.check_invariants();
}

TEST(ReplyCacheTest, TheOldestRequestsAreForgottenFirst) {
  ReplyCache cache;
  for (std::size_t i = 0; i <= ReplyCache::kIdsMax; ++i) cache.put(id_of(i), reply_of("x"));
  EXPECT_EQ(cache.find(id_of(0)).answer, ReplyCache::Answer::kUnknown);
  EXPECT_EQ(cache.find(id_of(1)).answer, ReplyCache::Answer::kKept);
  cache.check_invariants();
}

TEST(ReplyCacheTest, BigRepliesAreDroppedBeforeTheirRequestsAreForgotten) {
  ReplyCache cache;
  KeptReply big;
  big.buffers = {Frame(std::string(ReplyCache::kBytesMax / 2, 'x'))};
  for (std::size_t i = 0; i < 3; ++i) cache.put(id_of(i), big);
  EXPECT_EQ(cache.find(id_of(0)).answer, ReplyCache::Answer::kDropped);
  EXPECT_EQ(cache.find(id_of(1)).answer, ReplyCache::Answer::kKept);
  KeptReply too_big;
  too_big.buffers = {Frame(std::string(ReplyCache::kBytesMax + 1, 'x'))};
  cache.put(id_of(3), too_big);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(cache.find(id_of(i)).answer, ReplyCache::Answer::kDropped);
  }
  cache.check_invariants();
  for (std::size_t i = 4; i <= ReplyCache::kIdsMax + 2; ++i) cache.put(id_of(i), reply_of("x"));
  cache.check_invariants();
}

}  // namespace
}  // namespace trireme
