// What peers did wrong: counted for all, said once for each kind and peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "controller/hub/outbox.hpp"
#include "session/errors.hpp"

namespace trireme {

/// Keeps a flood of bad messages from becoming a flood of log lines. Pure; one thread.
class PeerFaults {
 public:
  /// Pairs of kind and peer that are remembered; beyond it further peers are only counted.
  static constexpr std::size_t kRememberedMax = 1024;

  /// A message on `channel_name` from `peer` (identity bytes) was refused for `error`.
  void note(std::string_view channel_name, std::string_view peer, const Error& error, Outbox& out);

  std::uint64_t count(ErrorCode code) const;
  std::uint64_t total() const noexcept { return total_; }

 private:
  std::uint64_t total_ = 0;
  std::map<ErrorCode, std::uint64_t> counts_;
  std::set<std::pair<ErrorCode, std::string>> said_;
};

/// Identity bytes as a person can read them: text as it is, anything else as hex.
std::string readable_identity(std::string_view identity);

}  // namespace trireme
