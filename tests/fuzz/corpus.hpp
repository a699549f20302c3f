// Inputs to begin from: captured messages of real peers, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trireme::fuzz {

/// One captured message as its receiver got it.
struct CapturedMessage {
  std::string file;
  std::string channel;  // "task", "iopub", ...
  std::string from;     // "client", "engine", "controller"
  std::string to;
  std::string packer;                   // "json", "msgpack"
  std::vector<std::string> identities;  // frames before the delimiter
  std::string signature;
  std::vector<std::string> parts;  // header, parent, metadata, content
  std::vector<std::string> buffers;

  /// All frames, in order.
  std::vector<std::string> frames() const;
};

/// Every whole message of the captures, read once.
const std::vector<CapturedMessage>& captured_messages();

/// Texts of captured connection files.
std::vector<std::string> captured_connection_files();

/// Pieces of JSON and of the protocol worth inserting anywhere.
std::vector<std::string_view> json_tokens();

/// The different ones, in their order.
std::vector<std::string> distinct(std::vector<std::string> texts);

}  // namespace trireme::fuzz
