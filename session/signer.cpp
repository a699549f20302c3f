#include "session/signer.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

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

}  // namespace

struct Signer::Impl {
  std::string key;
  const EVP_MD* hash = nullptr;
  Context inner;
  Context outer;
  Context scratch;

  Impl(std::string key_text, const EVP_MD* hash_function)
      : key(std::move(key_text)), hash(hash_function) {
    if (key.empty()) return;
    const auto block = static_cast<std::size_t>(EVP_MD_block_size(hash));
    std::string block_key = key;
    if (block_key.size() > block) {
      std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
      unsigned length = 0;
      TRIREME_CHECK(EVP_Digest(key.data(), key.size(), digest.data(), &length, hash, nullptr) == 1,
                    "OpenSSL could not hash the key");
      block_key.assign(digest.begin(), digest.begin() + length);
    }
    block_key.resize(block, '\0');
    inner = keyed_context(hash, block_key, 0x36);
    outer = keyed_context(hash, block_key, 0x5c);
    scratch = Context(EVP_MD_CTX_new());
    TRIREME_CHECK(scratch != nullptr, "OpenSSL could not make a digest context");
  }

  unsigned digest(const SignedParts& parts, unsigned char* out) const {
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
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  const unsigned length = impl_->digest(parts, digest.data());
  std::string text(2 * static_cast<std::size_t>(length), '\0');
  for (unsigned i = 0; i < length; ++i) {
    text[2 * i] = kHexDigits[digest[i] >> 4];
    text[2 * i + 1] = kHexDigits[digest[i] & 15];
  }
  return text;
}

Result<void> Signer::verify(const SignedParts& parts, std::string_view signature) const {
  if (!enabled()) return {};
  if (signature.empty()) {
    return Error{ErrorCode::kUnsigned,
                 "the message is not signed; its sender has no key, give it the connection file"};
  }
  const std::string expected = sign(parts);
  if (expected.size() != signature.size() ||
      CRYPTO_memcmp(expected.data(), signature.data(), expected.size()) != 0) {
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
