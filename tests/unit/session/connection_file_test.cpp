// Connection files of every version are read; ours are read by everyone and never seen half.
#include "session/connection_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class ConnectionFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "trireme-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(ConnectionFileTest, EveryCapturedFormIsReadAndWrittenAlike) {
  std::ifstream stream(TRIREME_TEST_DATA_DIR "/vectors/connection_files.json");
  const json files = json::parse(stream)["connection_files"];
  ASSERT_GT(files.size(), 3U);
  for (const auto& [name, pair] : files.items()) {
    SCOPED_TRACE(name);
    if (pair.contains("client")) {
      const auto info = parse_client_connection(pair["client"].dump(), name);
      ASSERT_TRUE(info.has_value()) << info.error().text;
      const fs::path file = folder_ / "client.json";
      ASSERT_TRUE(write_connection(*info, file).has_value());
      std::ifstream written(file);
      EXPECT_EQ(json::parse(written), pair["client"]);
    }
    if (pair.contains("engine")) {
      const auto info = parse_engine_connection(pair["engine"].dump(), name);
      ASSERT_TRUE(info.has_value()) << info.error().text;
      const fs::path file = folder_ / "engine.json";
      ASSERT_TRUE(write_connection(*info, file).has_value());
      std::ifstream written(file);
      EXPECT_EQ(json::parse(written), pair["engine"]);
    }
  }
}

TEST_F(ConnectionFileTest, IsPrivateAndLeavesNoTemporaryFile) {
  ClientConnection info;
  info.registration = info.control = info.mux = info.task = info.iopub = info.notification = 5;
  const fs::path file = folder_ / "ipcontroller-client.json";
  ASSERT_TRUE(write_connection(info, file).has_value());
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(ConnectionFileTest, AMissingFileOrFolderIsNamed) {
  const fs::path file = folder_ / "nowhere.json";
  const auto missing = read_client_connection(file);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().text.find(file.string()), std::string::npos);
  const auto unwritable = write_connection(ClientConnection{}, folder_ / "no" / "folder.json");
  ASSERT_FALSE(unwritable.has_value());
  EXPECT_NE(unwritable.error().text.find("folder.json"), std::string::npos);
}

TEST_F(ConnectionFileTest, AnEmptyFileIsOneThatIsBeingWritten) {
  const fs::path file = folder_ / "empty.json";
  std::ofstream(file).close();
  EXPECT_EQ(read_client_connection(file).error().code, ErrorCode::kBadFormat);
}

struct DamageCase {
  const char* name;
  const char* key;
  json value;  // null: remove the key
  const char* said;
};

class DamagedEngineFile : public testing::TestWithParam<DamageCase> {};

TEST_P(DamagedEngineFile, IsRefusedNamingTheKey) {
  json good = {{"interface", "tcp://127.0.0.1"},
               {"registration", 1},
               {"control", 2},
               {"mux", 3},
               {"task", 4},
               {"iopub", 5},
               {"hb_ping", 6},
               {"hb_pong", 7},
               {"broadcast", {8}}};
  ASSERT_TRUE(parse_engine_connection(good.dump(), "good").has_value());
  if (GetParam().value.is_null()) {
    good.erase(GetParam().key);
  } else {
    good[GetParam().key] = GetParam().value;
  }
  const auto refused = parse_engine_connection(good.dump(), "FILE");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  EXPECT_NE(refused.error().text.find("FILE"), std::string::npos);
  EXPECT_NE(refused.error().text.find(GetParam().said), std::string::npos) << refused.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DamagedEngineFile,
    testing::Values(DamageCase{"NoPort", "mux", nullptr, "'mux' is missing"},
                    DamageCase{"NoInterface", "interface", nullptr, "'interface' is missing"},
                    DamageCase{"TextAsPort", "hb_ping", "x", "'hb_ping' must be a port"},
                    DamageCase{"PortZero", "task", 0, "'task' must be a port"},
                    DamageCase{"PortTooLarge", "task", 70000, "'task' must be a port"},
                    DamageCase{"KeyNotText", "key", 5, "'key' must be a string"},
                    DamageCase{"BroadcastNumber", "broadcast", 5, "'broadcast' must be a list"},
                    DamageCase{"BroadcastEmpty", "broadcast", json::array(), "'broadcast'"}),
    [](const auto& c) { return c.param.name; });

TEST(ConnectionText, HalfAFileIsSaidToBeDamagedOrStillBeingWritten) {
  for (const char* text : {"", "{", R"({"ssh": "", )", "[]", "\xff\xfe"}) {
    const auto refused = parse_client_connection(text, "FILE");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kBadFormat);
  }
}

TEST(PeerUrl, ReplacesWildcardsAndJoinsIpcWithADash) {
  ConnectionCommon info;
  EXPECT_EQ(peer_url(info, 5), "tcp://127.0.0.1:5");
  info.interface = "tcp://*";
  EXPECT_EQ(peer_url(info, 5), "tcp://127.0.0.1:5");
  info.location = "192.0.2.7";
  EXPECT_EQ(peer_url(info, 5), "tcp://192.0.2.7:5");
  info.interface = "tcp://0.0.0.0";
  EXPECT_EQ(peer_url(info, 5), "tcp://192.0.2.7:5");
  info.interface = "ipc:///tmp/prefix";
  EXPECT_EQ(peer_url(info, 5), "ipc:///tmp/prefix-5");
}

}  // namespace
}  // namespace trireme
