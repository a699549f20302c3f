// The JSON of requests, as controllers read it.
#include "client/request_text.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(RequestText, ATaskWithoutWishesAsksForNothing) {
  EXPECT_EQ(parse_json(task_metadata_json({}, {})),
            parse_json(R"({"after": [], "follow": [], "retries": 0, "targets": [],
                           "timeout": null})"));
}

TEST(RequestText, EveryWishIsWritten) {
  TaskOptions options;
  options.after = TaskDependency("a").any().on_failure();
  options.follow = TaskDependency(std::vector<std::string>{"b", "c"}).on_either();
  options.retries = 3;
  options.timeout = std::chrono::milliseconds(1500);
  options.label = "mine";
  EXPECT_EQ(parse_json(task_metadata_json(options, {EngineUuid("e0")})), parse_json(R"({
      "after": {"dependencies": ["a"], "all": false, "success": false, "failure": true},
      "follow": {"dependencies": ["b", "c"], "all": true, "success": true, "failure": true},
      "retries": 3, "targets": ["e0"], "timeout": 1.5, "label": "mine"})"));
}

TEST(RequestText, ABroadcastNamesItsTargetsAsPairs) {
  EXPECT_EQ(parse_json(broadcast_metadata_json({{4, "e4"}}, true)),
            parse_json(R"({"targets": [["e4", 4]], "is_broadcast": true, "is_coalescing": true})"));
}

TEST(RequestText, CodeIsSentAsText) {
  EXPECT_EQ(parse_json(execute_content_json("1\n\"x\"", true)),
            parse_json(R"({"code": "1\n\"x\"", "silent": true, "user_expressions": {}})"));
}

}  // namespace
}  // namespace trireme
