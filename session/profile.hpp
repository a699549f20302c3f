// Where profiles, connection files and logs are: the folder layout shared with ipyparallel.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "session/result.hpp"

namespace trireme {

/// How a user names a profile; empty members mean "not given".
struct ProfileChoice {
  std::string profile;                    // name; default "default"
  std::string profile_dir;                // folder; wins over the name, then $IPP_PROFILE_DIR
  std::string ipython_dir;                // default $IPYTHONDIR, else ~/.ipython
  std::optional<std::string> cluster_id;  // default $IPP_CLUSTER_ID, else ""
};

/// A resolved profile folder. The paths need not exist.
struct Profile {
  std::filesystem::path dir;
  std::string cluster_id;

  std::filesystem::path security_dir() const { return dir / "security"; }
  std::filesystem::path log_dir() const { return dir / "log"; }
  std::filesystem::path pid_dir() const { return dir / "pid"; }
  std::filesystem::path client_file() const;  // security/ipcontroller[-<id>]-client.json
  std::filesystem::path engine_file() const;
  /// The secret CURVE key of a controller that made one, for the run that goes on where it was
  /// killed or that uses its connection files again: security/ipcontroller[-<id>]-curve.key.
  std::filesystem::path curve_key_file() const;
};

/// Resolves names, folders and environment variables; touches no disk.
Profile resolve_profile(const ProfileChoice& choice);

/// Makes the profile folder and its usual sub-folders (security and pid 0700). kPermission or kIo,
/// naming the folder that could not be made.
Result<void> create_profile(const Profile& profile);

}  // namespace trireme
