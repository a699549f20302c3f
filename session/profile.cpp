#include "session/profile.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <system_error>

namespace trireme {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

fs::path home() {
  std::string folder = environment("HOME");
  if (folder.empty()) {
    const passwd* user = ::getpwuid(::getuid());
    folder = user != nullptr ? user->pw_dir : "/";
  }
  return folder;
}

fs::path expand_home(const std::string& path) {
  if (path == "~") return home();
  if (path.starts_with("~/")) return home() / path.substr(2);
  return path;
}

std::string file_name(const std::string& cluster_id, const char* end) {
  return "ipcontroller" + (cluster_id.empty() ? "" : "-" + cluster_id) + "-" + end;
}

Result<void> make_folder(const fs::path& folder, mode_t mode) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return {};
  fs::create_directories(folder, failure);
  if (failure) {
    const bool denied =
        failure == std::errc::permission_denied || failure == std::errc::read_only_file_system;
    return Error{denied ? ErrorCode::kPermission : ErrorCode::kIo,
                 "cannot make the folder " + folder.string() + ": " + failure.message() +
                     "; name a writable one with --profile-dir"};
  }
  ::chmod(folder.c_str(), mode);
  return {};
}

}  // namespace

fs::path Profile::client_file() const {
  return security_dir() / file_name(cluster_id, "client.json");
}
fs::path Profile::engine_file() const {
  return security_dir() / file_name(cluster_id, "engine.json");
}
fs::path Profile::curve_key_file() const {
  return security_dir() / file_name(cluster_id, "curve.key");
}

Profile resolve_profile(const ProfileChoice& choice) {
  Profile profile;
  profile.cluster_id = choice.cluster_id ? *choice.cluster_id : environment("IPP_CLUSTER_ID");
  if (!choice.profile_dir.empty()) {
    profile.dir = expand_home(choice.profile_dir);
    return profile;
  }
  const std::string from_environment = environment("IPP_PROFILE_DIR");
  if (choice.profile.empty() && !from_environment.empty()) {
    profile.dir = expand_home(from_environment);
    return profile;
  }
  std::string root = choice.ipython_dir.empty() ? environment("IPYTHONDIR") : choice.ipython_dir;
  const fs::path ipython_dir = root.empty() ? home() / ".ipython" : expand_home(root);
  profile.dir = ipython_dir / ("profile_" + (choice.profile.empty() ? "default" : choice.profile));
  return profile;
}

Result<void> create_profile(const Profile& profile) {
  struct Folder {
    fs::path path;
    mode_t mode;
  };
  const Folder folders[] = {{profile.dir, 0755},
                            {profile.security_dir(), 0700},
                            {profile.pid_dir(), 0700},
                            {profile.log_dir(), 0755},
                            {profile.dir / "startup", 0755}};
  for (const Folder& folder : folders) {
    if (Result<void> made = make_folder(folder.path, folder.mode); !made) return made;
  }
  if (::access(profile.security_dir().c_str(), W_OK | X_OK) != 0) {
    return Error{ErrorCode::kPermission, "the folder " + profile.security_dir().string() +
                                             " is not writable; mend its permissions or name "
                                             "another with --profile-dir"};
  }
  return {};
}

}  // namespace trireme
