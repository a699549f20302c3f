// The pickles in captured messages of real peers, with what they were described to hold.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "session/frame.hpp"
#include "tests/unit/session/base64.hpp"

namespace trireme {

struct CapturedPickle {
  std::string place;  // file and message
  std::string bytes;
  nlohmann::json value;  // see describe() of the test
};

/// The files of captured messages by name, in order. Read once, which takes a while.
inline const std::map<std::string, nlohmann::json>& captured_files() {
  static const auto files = [] {
    std::map<std::string, nlohmann::json> all;
    for (const auto& entry :
         std::filesystem::directory_iterator(TRIREME_TEST_DATA_DIR "/vectors")) {
      std::ifstream stream(entry.path());
      all.emplace(entry.path().stem().string(), nlohmann::json::parse(stream));
    }
    return all;
  }();
  return files;
}

/// Calls `visit(file name, message, buffer frames, descriptions)` for every captured message whose
/// buffers are described.
template <class Visit>
void visit_captured_buffers(Visit visit) {
  for (const auto& [name, file] : captured_files()) {
    const auto messages = file.find("messages");
    if (messages == file.end()) continue;
    for (const nlohmann::json& message : *messages) {
      if (!message.contains("decoded") || !message["decoded"].contains("buffers")) continue;
      const nlohmann::json& described = message["decoded"]["buffers"];
      Frames buffers;
      const nlohmann::json& frames = message["frames"];
      for (std::size_t i = frames.size() - described.size(); i < frames.size(); ++i) {
        buffers.emplace_back(from_base64(frames[i].get<std::string>()));
      }
      visit(name, message, buffers, described);
    }
  }
}

inline bool is_apply_request(const nlohmann::json& message) {
  const auto header = message["decoded"].value("header", nlohmann::json());
  return header.is_object() && header.value("msg_type", "") == "apply_request";
}

inline std::vector<CapturedPickle> captured_pickles() {
  std::vector<CapturedPickle> pickles;
  visit_captured_buffers([&](const std::string& file, const nlohmann::json& message,
                             const Frames& buffers, const nlohmann::json& described) {
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (!described[i].contains("value")) continue;
      pickles.push_back(
          {file + " message " + message["seq"].dump() + " buffer " + std::to_string(i),
           buffers[i].to_string(), described[i]["value"]});
    }
  });
  return pickles;
}

}  // namespace trireme
