// Every captured message of real peers is read, verified, and written again byte for byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "session/wire.hpp"
#include "tests/unit/session/base64.hpp"

namespace trireme {
namespace {

using nlohmann::json;

std::vector<std::filesystem::path> vector_files() {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path folder(TRIREME_TEST_DATA_DIR "/vectors");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().stem() != "connection_files") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class CapturedFile : public testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    std::ifstream stream(GetParam());
    file_ = json::parse(stream);
  }

  Wire make_wire() const {
    const auto kind = file_["packer"] == "msgpack" ? Packer::Kind::kMsgpack : Packer::Kind::kJson;
    return Wire(*Signer::create(file_["key"].get<std::string>()), Packer(kind));
  }

  static Frames frames_of(const json& message) {
    Frames frames;
    for (const json& frame : message["frames"]) {
      frames.emplace_back(from_base64(frame.get<std::string>()));
    }
    return frames;
  }

  json file_;
};

TEST_P(CapturedFile, VerifiesAndRoundTrips) {
  Wire wire = make_wire();
  const bool readable = file_["packer"] != "pickle";
  int checked = 0;
  for (const json& message : file_["messages"]) {
    if (!message.contains("decoded")) continue;
    const Frames frames = frames_of(message);
    const bool valid = message["decoded"].value("signature_valid", true);
    ASSERT_EQ(wire.verify(frames).has_value(), valid) << "message " << message["seq"];
    if (!valid || !readable) continue;
    const Result<Message> decoded = wire.decode(frames, Wire::Replays::kAllow);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().text;
    EXPECT_EQ(decoded->buffers.size(), message["decoded"]["n_buffers"].get<std::size_t>());
    if (message["decoded"].value("header", json()).is_object()) {
      EXPECT_EQ(json::parse(decoded->header_json.view()), message["decoded"]["header"]);
      EXPECT_EQ(decoded->header.msg_id.str(), message["decoded"]["header"]["msg_id"]);
      EXPECT_EQ(decoded->header.msg_type, message["decoded"]["header"]["msg_type"]);
      EXPECT_EQ(json::parse(decoded->content_json.view()), message["decoded"]["content"]);
      EXPECT_EQ(json::parse(decoded->metadata_json.view()), message["decoded"]["metadata"]);
    }
    if (file_["packer"] == "json") {
      EXPECT_EQ(wire.encode(*decoded), frames) << "message " << message["seq"];
    } else {
      const Result<Message> again = wire.decode(wire.encode(*decoded), Wire::Replays::kAllow);
      ASSERT_TRUE(again.has_value()) << again.error().text;
      EXPECT_EQ(again->content_json, decoded->content_json);
    }
    ++checked;
  }
  const bool has_messages =
      GetParam().stem() != "ipp71_bad_signature" && GetParam().stem() != "ipp71_heartbeat";
  if (readable && has_messages) {
    EXPECT_GT(checked, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CapturedFile, testing::ValuesIn(vector_files()),
                         [](const auto& c) { return c.param.stem().string(); });

TEST(CapturedReplay, IsRefusedTheSecondTime) {
  std::ifstream stream(TRIREME_TEST_DATA_DIR "/vectors/ipp71_replay.json");
  const json file = json::parse(stream);
  Wire wire(*Signer::create(file["key"].get<std::string>()), Packer());
  std::vector<ErrorCode> refused;
  int accepted = 0;
  for (const json& message : file["messages"]) {
    if (!message.contains("decoded") || message["to"] != "controller") continue;
    Frames frames;
    for (const json& frame : message["frames"]) {
      frames.emplace_back(from_base64(frame.get<std::string>()));
    }
    const auto decoded = wire.decode(frames, Wire::Replays::kRefuse);
    if (decoded) {
      ++accepted;
    } else {
      refused.push_back(decoded.error().code);
    }
  }
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(refused, std::vector{ErrorCode::kReplayed});
}

}  // namespace
}  // namespace trireme
