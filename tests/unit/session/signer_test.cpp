// Signatures against published HMAC values, and the replay guard.
#include "session/signer.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

struct HmacCase {
  const char* name;
  std::string key;
  const char* scheme;
  std::string text;
  const char* digest;
};

class KnownHmac : public testing::TestWithParam<HmacCase> {};

TEST_P(KnownHmac, SplitAnywhereGivesThePublishedDigest) {
  const HmacCase& c = GetParam();
  const Signer signer = *Signer::create(c.key, c.scheme);
  for (std::size_t cut = 0; cut <= c.text.size(); ++cut) {
    const std::string_view text = c.text;
    const SignedParts parts{text.substr(0, cut), "", text.substr(cut), ""};
    EXPECT_EQ(signer.sign(parts), c.digest);
    EXPECT_TRUE(signer.verify(parts, c.digest).has_value());
  }
}

// Test cases 1, 2 and 6 of RFC 4231.
INSTANTIATE_TEST_SUITE_P(
    Rfc4231, KnownHmac,
    testing::Values(HmacCase{"Short", std::string(20, '\x0b'), "hmac-sha256", "Hi There",
                             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
                    HmacCase{"Words", "Jefe", "hmac-sha256", "what do ya want for nothing?",
                             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
                    HmacCase{"KeyLongerThanABlock", std::string(131, '\xaa'), "hmac-sha256",
                             "Test Using Larger Than Block-Size Key - Hash Key First",
                             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
                    HmacCase{"Sha512", "Jefe", "hmac-sha512", "what do ya want for nothing?",
                             "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                             "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}),
    [](const auto& c) { return c.param.name; });

TEST(SignerTest, RefusesWhatDoesNotFitTheKey) {
  const Signer signer = *Signer::create("key");
  const SignedParts parts{"header", "parent", "metadata", "content"};
  const std::string good = signer.sign(parts);
  EXPECT_EQ(signer.verify(parts, "").error().code, ErrorCode::kUnsigned);
  EXPECT_EQ(signer.verify(parts, good.substr(1)).error().code, ErrorCode::kBadSignature);
  std::string flipped = good;
  flipped[5] = flipped[5] == '0' ? '1' : '0';
  EXPECT_EQ(signer.verify(parts, flipped).error().code, ErrorCode::kBadSignature);
  const Signer other = *Signer::create("another key");
  EXPECT_EQ(other.verify(parts, good).error().code, ErrorCode::kBadSignature);
  EXPECT_TRUE(signer.clone().verify(parts, good).has_value());
}

TEST(SignerTest, AnEmptyKeyMeansUnsigned) {
  const Signer signer = *Signer::create("");
  EXPECT_FALSE(signer.enabled());
  EXPECT_EQ(signer.sign({"a", "b", "c", "d"}), "");
  EXPECT_TRUE(signer.verify({"a", "b", "c", "d"}, "anything").has_value());
}

TEST(SignerTest, AnUnknownSchemeIsNamedInTheError) {
  const auto refused = Signer::create("key", "hmac-rot13");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(refused.error().text.find("hmac-rot13"), std::string::npos);
}

TEST(ReplayGuardTest, AdmitsASignatureOnceWhileItIsRemembered) {
  ReplayGuard guard(3);
  EXPECT_TRUE(guard.admit("a"));
  EXPECT_FALSE(guard.admit("a"));
  EXPECT_TRUE(guard.admit("b"));
  EXPECT_TRUE(guard.admit("c"));
  EXPECT_TRUE(guard.admit("d"));  // pushes "a" out
  EXPECT_TRUE(guard.admit("a"));
  EXPECT_EQ(guard.size(), 3U);
}

TEST(ReplayGuardTest, CanBeTurnedOff) {
  ReplayGuard guard(0);
  EXPECT_TRUE(guard.admit("a"));
  EXPECT_TRUE(guard.admit("a"));
  EXPECT_EQ(guard.size(), 0U);
}

}  // namespace
}  // namespace trireme
