// Which folder a profile is, from names, options and environment.
#include "session/profile.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace trireme {
namespace {

namespace fs = std::filesystem;

class ProfileTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) ::unsetenv(name);
    ::setenv("HOME", "/home/somebody", 1);
  }
  void TearDown() override {
    for (const char* name : kNames) ::unsetenv(name);
  }
  static constexpr const char* kNames[] = {"IPYTHONDIR", "IPP_PROFILE_DIR", "IPP_CLUSTER_ID"};
};

TEST_F(ProfileTest, DefaultsToTheFolderIpythonUses) {
  const Profile profile = resolve_profile({});
  EXPECT_EQ(profile.dir, "/home/somebody/.ipython/profile_default");
  EXPECT_EQ(profile.client_file(),
            "/home/somebody/.ipython/profile_default/security/ipcontroller-client.json");
}

TEST_F(ProfileTest, OptionsWinOverTheEnvironment) {
  ::setenv("IPYTHONDIR", "/ipython", 1);
  ::setenv("IPP_CLUSTER_ID", "env", 1);
  EXPECT_EQ(resolve_profile({}).dir, "/ipython/profile_default");
  EXPECT_EQ(resolve_profile({}).engine_file(),
            "/ipython/profile_default/security/ipcontroller-env-engine.json");
  ::setenv("IPP_PROFILE_DIR", "/from/environment", 1);
  EXPECT_EQ(resolve_profile({}).dir, "/from/environment");
  EXPECT_EQ(resolve_profile({.profile = "named"}).dir, "/ipython/profile_named");
  const Profile chosen = resolve_profile({.profile_dir = "~/p", .cluster_id = ""});
  EXPECT_EQ(chosen.dir, "/home/somebody/p");
  EXPECT_EQ(chosen.cluster_id, "");
}

TEST_F(ProfileTest, CreatesPrivateFoldersAndSaysWhichCannotBeMade) {
  std::string pattern = (fs::temp_directory_path() / "trireme-test-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const Profile profile = resolve_profile({.profile_dir = pattern + "/a/b"});
  ASSERT_TRUE(create_profile(profile).has_value());
  struct stat status {};
  ASSERT_EQ(::stat(profile.security_dir().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  EXPECT_TRUE(create_profile(profile).has_value());

  std::ofstream(pattern + "/file") << "in the way";
  const auto refused = create_profile(resolve_profile({.profile_dir = pattern + "/file/p"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find(pattern + "/file"), std::string::npos);
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace trireme
