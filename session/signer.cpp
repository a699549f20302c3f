// OpenSSL would rather have digests fetched by name; for messages of some hundred bytes that costs
// as much again as hashing them, so the usual hash is called directly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "session/signer.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstring>
#include <functional>

namespace trireme {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

// HMAC by its definition over EVP digests: both keyed prefixes are hashed once per key and copied
// per message, which costs half of what re-keying a MAC object does for messages of this size.
Context keyed_context(const EVP_MD* hash, const std::string& block_key, unsigned char pad) {
  Context context(EVP_MD_CTX_new());
  std::string prefix = block_key;
  for (char& byte : prefix) byte = static_cast<char>(byte ^ pad);
  TRIREME_CHECK(context != nullptr && EVP_DigestInit_ex(context.get(), hash, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), prefix.data(), prefix.size()) == 1,
                "OpenSSL could not start a digest");
  return context;
}

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

// Hash of a prefix of one block.
SHA256_CTX keyed_sha256(const std::string& block_key, unsigned char pad) {
  SHA256_CTX context;
  std::string prefix = block_key;
  for (char& byte : prefix) byte = static_cast<char>(byte ^ pad);
  SHA256_Init(&context);
  SHA256_Update(&context, prefix.data(), prefix.size());
  return context;
}

// Compares in a time that depends on the length only.
bool equal_in_constant_time(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  std::uint64_t difference = 0;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= left.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, left.data() + i, sizeof a);
    std::memcpy(&b, right.data() + i, sizeof b);
    difference |= a ^ b;
  }
  for (; i < left.size(); ++i) difference |= static_cast<unsigned char>(left[i] ^ right[i]);
  return difference == 0;
}

}  // namespace

struct Signer::Impl {
  std::string key;
  const EVP_MD* hash = nullptr;
  bool is_sha256 = false;
  SHA256_CTX sha256_inner{};
  SHA256_CTX sha256_outer{};
  Context inner;  // with any other hash
  Context outer;
  Context scratch;

  Impl(std::string key_text, const EVP_MD* hash_function)
      : key(std::move(key_text)), hash(hash_function) {
    if (key.empty()) return;
    const auto block = static_cast<std::size_t>(EVP_MD_block_size(hash));
    std::string block_key = key;
    if (block_key.size() > block) {
      Digest digest{};
      unsigned length = 0;
      TRIREME_CHECK(EVP_Digest(key.data(), key.size(), digest.data(), &length, hash, nullptr) == 1,
                    "OpenSSL could not hash the key");
      block_key.assign(digest.begin(), digest.begin() + length);
    }
    block_key.resize(block, '\0');
    is_sha256 = EVP_MD_is_a(hash, "SHA256") == 1;
    if (is_sha256) {
      sha256_inner = keyed_sha256(block_key, 0x36);
      sha256_outer = keyed_sha256(block_key, 0x5c);
      return;
    }
    inner = keyed_context(hash, block_key, 0x36);
    outer = keyed_context(hash, block_key, 0x5c);
    scratch = Context(EVP_MD_CTX_new());
    TRIREME_CHECK(scratch != nullptr, "OpenSSL could not make a digest context");
  }

  unsigned digest(const SignedParts& parts, unsigned char* out) const {
    return is_sha256 ? digest_sha256(parts, out) : digest_any(parts, out);
  }

  unsigned digest_sha256(const SignedParts& parts, unsigned char* out) const {
    SHA256_CTX context = sha256_inner;
    for (const std::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
    SHA256_Final(out, &context);
    context = sha256_outer;
    SHA256_Update(&context, out, SHA256_DIGEST_LENGTH);
    SHA256_Final(out, &context);
    return SHA256_DIGEST_LENGTH;
  }

  unsigned digest_any(const SignedParts& parts, unsigned char* out) const {
    unsigned length = 0;
    bool good = EVP_MD_CTX_copy_ex(scratch.get(), inner.get()) == 1;
    for (const std::string_view part : parts) {
      good = good && EVP_DigestUpdate(scratch.get(), part.data(), part.size()) == 1;
    }
    good = good && EVP_DigestFinal_ex(scratch.get(), out, &length) == 1 &&
           EVP_MD_CTX_copy_ex(scratch.get(), outer.get()) == 1 &&
           EVP_DigestUpdate(scratch.get(), out, length) == 1 &&
           EVP_DigestFinal_ex(scratch.get(), out, &length) == 1;
    TRIREME_CHECK(good, "OpenSSL could not compute a signature");
    return length;
  }

  // As hexadecimal digits; gives their number.
  std::size_t sign(const SignedParts& parts, std::array<char, 2 * EVP_MAX_MD_SIZE>& text) const {
    Digest bytes;
    const unsigned length = digest(parts, bytes.data());
    for (unsigned i = 0; i < length; ++i) {
      text[2 * i] = kHexDigits[bytes[i] >> 4];
      text[2 * i + 1] = kHexDigits[bytes[i] & 15];
    }
    return 2 * std::size_t{length};
  }
};

Signer::Signer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;
Signer::~Signer() = default;

Result<Signer> Signer::create(std::string key, std::string_view scheme) {
  constexpr std::string_view kPrefix = "hmac-";
  const EVP_MD* hash = nullptr;
  if (scheme.starts_with(kPrefix)) {
    hash = EVP_get_digestbyname(std::string(scheme.substr(kPrefix.size())).c_str());
  }
  if (hash == nullptr) {
    return Error{ErrorCode::kConfiguration,
                 "signature scheme '" + std::string(scheme) +
                     "' is not known here; use hmac-sha256 or hmac- with another hash of OpenSSL"};
  }
  return Signer(std::make_unique<Impl>(std::move(key), hash));
}

Signer Signer::clone() const { return Signer(std::make_unique<Impl>(impl_->key, impl_->hash)); }

bool Signer::enabled() const noexcept { return !impl_->key.empty(); }

std::string Signer::sign(const SignedParts& parts) const {
  if (!enabled()) return {};
  std::array<char, 2 * EVP_MAX_MD_SIZE> text;
  return {text.data(), impl_->sign(parts, text)};
}

Result<void> Signer::verify(const SignedParts& parts, std::string_view signature) const {
  if (!enabled()) return {};
  if (signature.empty()) {
    return Error{ErrorCode::kUnsigned,
                 "the message is not signed; its sender has no key, give it the connection file"};
  }
  std::array<char, 2 * EVP_MAX_MD_SIZE> text;
  const std::string_view expected(text.data(), impl_->sign(parts, text));
  if (!equal_in_constant_time(expected, signature)) {
    return Error{ErrorCode::kBadSignature,
                 "the signature does not fit the key; the sender's connection file is of another "
                 "controller"};
  }
  return {};
}

bool ReplayGuard::admit(std::string_view signature) {
  if (capacity_ == 0 || signature.empty()) return true;
  const std::uint64_t digest = std::hash<std::string_view>{}(signature);
  if (!seen_.insert(digest).second) return false;
  order_.push_back(digest);
  if (order_.size() > capacity_) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

}  // namespace trireme
