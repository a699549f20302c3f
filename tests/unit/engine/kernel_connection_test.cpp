// Connection files of kernels are read as Jupyter writes them, and written as it reads them.
#include "engine/kernel_connection.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(KernelConnectionTest, WhatIsWrittenIsRead) {
  KernelConnection written;
  written.shell_port = 1;
  written.iopub_port = 2;
  written.stdin_port = 3;
  written.control_port = 4;
  written.hb_port = 65'535;
  written.ip = "127.0.0.2";
  written.key = "secret";
  written.kernel_name = "trireme";
  const auto read = parse_kernel_connection(kernel_connection_json(written), "here");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(kernel_connection_json(*read), kernel_connection_json(written));
  EXPECT_EQ(read->hb_port, 65'535);
  EXPECT_EQ(read->key, "secret");
}

TEST(KernelConnectionTest, WhatIsMissingHasItsUsualValue) {
  const auto read = parse_kernel_connection("{}", "here");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ip, "127.0.0.1");
  EXPECT_EQ(read->signature_scheme, "hmac-sha256");
  EXPECT_EQ(read->shell_port, 0);
}

TEST(KernelConnectionTest, WhatCannotBeUsedIsNamed) {
  struct Case {
    const char* json;
    const char* named;
  };
  for (const Case& each :
       {Case{"[", "JSON object"}, Case{"[]", "JSON object"}, Case{R"({"hb_port": "1"})", "hb_port"},
        Case{R"({"hb_port": 65536})", "hb_port"}, Case{R"({"hb_port": -1})", "hb_port"},
        Case{R"({"shell_port": 1e99})", "shell_port"}, Case{R"({"key": 5})", "key"},
        Case{R"({"transport": "ipc"})", "ipc"}}) {
    const auto read = parse_kernel_connection(each.json, "the-file.json");
    ASSERT_FALSE(read.has_value()) << each.json;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
    EXPECT_NE(read.error().text.find(each.named), std::string::npos) << read.error().text;
    EXPECT_NE(read.error().text.find("the-file.json"), std::string::npos);
  }
}

TEST(KernelConnectionTest, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(read_kernel_connection("/no/such/file.json").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace trireme
