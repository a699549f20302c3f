#include "controller/core/peer_faults.hpp"

#include <algorithm>

namespace trireme {

void PeerFaults::note(std::string_view channel_name, std::string_view peer, const Error& error,
                      Outbox& out) {
  ++total_;
  ++counts_[error.code];
  if (said_.size() >= kRememberedMax) return;
  std::string name = readable_identity(peer);
  if (!said_.emplace(error.code, name).second) return;
  out.log(LogLevel::kWarning, "dropped a message on " + std::string(channel_name) + " from " +
                                  name + ": " + error.text + " (said once; more are counted)");
  if (said_.size() == kRememberedMax) {
    out.log(LogLevel::kWarning, "too many peers send bad messages; more are only counted");
  }
}

std::uint64_t PeerFaults::count(ErrorCode code) const {
  const auto it = counts_.find(code);
  return it == counts_.end() ? 0 : it->second;
}

std::string readable_identity(std::string_view identity) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  constexpr std::size_t kShownMax = 64;
  if (identity.empty()) return "a peer without identity";
  identity = identity.substr(0, kShownMax);
  const bool is_text =
      std::all_of(identity.begin(), identity.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (is_text) return std::string(identity);
  std::string text = "peer ";
  for (const char c : identity) {
    const auto byte = static_cast<unsigned char>(c);
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

}  // namespace trireme
