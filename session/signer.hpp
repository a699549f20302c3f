// Signs messages and checks signatures: HMAC over the four serialized parts, and no replays.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "session/result.hpp"

namespace trireme {

/// The four signed parts of a message, as they stand on the wire.
using SignedParts = std::array<std::string_view, 4>;

/// Computes and checks HMAC signatures with one key. An empty key means unsigned messages: then
/// sign() gives an empty text and verify() accepts anything. Not thread-safe: one per thread;
/// clone() makes another.
class Signer {
 public:
  /// `scheme` is `hmac-<hash>` with a hash OpenSSL knows (`hmac-sha256`). Fails with
  /// kConfiguration when it does not.
  static Result<Signer> create(std::string key, std::string_view scheme = "hmac-sha256");

  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;
  ~Signer();
  Signer clone() const;

  bool enabled() const noexcept;
  /// Lower-case hex digest, empty when the key is empty.
  std::string sign(const SignedParts& parts) const;
  /// Fails with kUnsigned or kBadSignature. Compares in constant time.
  Result<void> verify(const SignedParts& parts, std::string_view signature) const;

 private:
  struct Impl;
  explicit Signer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Remembers the latest signatures so that a message is taken once. Bounded: the oldest go first.
class ReplayGuard {
 public:
  static constexpr std::size_t kDefaultCapacity = 65536;

  /// `capacity` signatures are remembered; 0 turns the guard off.
  explicit ReplayGuard(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  /// True the first time; false for a signature still remembered. Empty signatures always pass.
  bool admit(std::string_view signature);
  std::size_t size() const noexcept { return order_.size(); }

 private:
  std::size_t capacity_;
  std::unordered_set<std::uint64_t> seen_;  // first 64 bits of the digest, or its hash
  std::deque<std::uint64_t> order_;
};

}  // namespace trireme
