#include "controller/program/start_up.hpp"

#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "db/memory_store.hpp"
#include "db/null_store.hpp"
#include "db/sqlite_store.hpp"
#include "session/message.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;

/// The text of a file without the ends of its last line; nothing when it cannot be read.
std::optional<std::string> read_key(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) return std::nullopt;
  std::string key = text.str();
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  return key;
}

// With CURVE everything is encrypted and authenticated already: then messages are unsigned unless
// a key was asked for.
Result<std::string> choose_key(const ControllerOptions& options) {
  if (!options.key_file.empty()) {
    std::optional<std::string> key = read_key(options.key_file);
    if (key) return *std::move(key);
    return Error{ErrorCode::kConfiguration,
                 "the key file " + options.key_file + " cannot be read; check Session.keyfile"};
  }
  if (options.key) return *options.key;
  return options.curve ? std::string() : new_session_id().str();
}

/// The keys that a run before this one made and kept; nothing when there are none of use.
std::optional<CurveKeys> kept_curve_keys(const Profile& profile) {
  const std::optional<std::string> secret_key = read_key(profile.curve_key_file());
  if (!secret_key) return std::nullopt;
  const Result<std::string> public_key = curve_public_key(*secret_key);
  if (!public_key) return std::nullopt;
  return CurveKeys{*public_key, *secret_key};
}

Result<std::optional<CurveKeys>> choose_curve_keys(const ControllerOptions& options,
                                                   const Profile& profile, FilesFound found) {
  if (!options.curve) return std::optional<CurveKeys>();
  if (options.curve_secret_key.empty()) {
    if (found == FilesFound::kUsed) {
      if (std::optional<CurveKeys> kept = kept_curve_keys(profile)) return kept;
    }
    Result<CurveKeys> keys = make_curve_keys();
    if (!keys) return keys.error();
    return std::optional<CurveKeys>(*std::move(keys));
  }
  const Result<std::string> public_key = curve_public_key(options.curve_secret_key);
  if (!public_key) return public_key.error();
  if (!options.curve_public_key.empty() && options.curve_public_key != *public_key) {
    return Error{ErrorCode::kConfiguration,
                 "IPController.curve_publickey does not belong to IPController.curve_secretkey; "
                 "leave the public key out"};
  }
  return std::optional<CurveKeys>(CurveKeys{*public_key, options.curve_secret_key});
}

// Both files when they can be used together; otherwise why not.
Result<void> reuse_files(const ControllerOptions& options, const Profile& profile,
                         EndpointPlan& plan) {
  Result<ClientConnection> client = read_client_connection(profile.client_file());
  if (!client) return client.error();
  Result<EngineConnection> engine = read_engine_connection(profile.engine_file());
  if (!engine) return engine.error();
  if (client->key != engine->key || client->registration != engine->registration ||
      client->pack != engine->pack || client->unpack != engine->unpack ||
      client->signature_scheme != engine->signature_scheme || client->broadcast == 0 ||
      engine->broadcast.empty()) {
    return Error{
        ErrorCode::kConfiguration,
        "the connection files in " + profile.security_dir().string() + " do not belong together"};
  }
  const std::string public_key = plan.curve ? plan.curve->public_key : "";
  if (client->curve_serverkey.value_or("") != public_key) {
    return Error{ErrorCode::kConfiguration,
                 "the connection files in " + profile.security_dir().string() +
                     " are for other CURVE keys than those in " +
                     profile.curve_key_file().string() +
                     "; remove them, or set IPController.curve_secretkey to what they were made "
                     "with"};
  }
  if ((options.key || !options.key_file.empty()) && client->key != plan.key) {
    return Error{ErrorCode::kConfiguration, "the connection files in " +
                                                profile.security_dir().string() +
                                                " are for another key than the one given"};
  }
  plan.key = client->key;
  plan.reused_client = *std::move(client);
  plan.reused_engine = *std::move(engine);
  return {};
}

}  // namespace

Result<EndpointPlan> plan_endpoints(const ControllerOptions& options, const Profile& profile,
                                    FilesFound found, Log& log) {
  EndpointPlan plan;
  plan.session = options.session.empty() ? new_session_id().str() : options.session;
  plan.ipc_folder = profile.security_dir().string();
  Result<std::string> key = choose_key(options);
  if (!key) return key.error();
  plan.key = *std::move(key);
  Result<std::optional<CurveKeys>> curve = choose_curve_keys(options, profile, found);
  if (!curve) return curve.error();
  plan.curve = *std::move(curve);
  if (found == FilesFound::kUsed) {
    const Result<void> reused = reuse_files(options, profile, plan);
    if (!reused) {
      log.write(LogLevel::kError, "cannot reuse: " + reused.error().text + "; writing new ones");
    }
  }
  return plan;
}

fs::path store_path(const ControllerOptions& options, const Profile& profile) {
  const fs::path folder =
      options.store_location.empty() ? profile.dir : fs::path(options.store_location);
  if (!options.store_file.empty()) return folder / options.store_file;
  return folder /
         (profile.cluster_id.empty() ? "trireme.db" : "trireme-" + profile.cluster_id + ".db");
}

Result<std::unique_ptr<TaskStore>> open_store(const ControllerOptions& options,
                                              const Profile& profile) {
  switch (options.store) {
    case StoreKind::kSqlite: {
      SqliteConnectionOptions connection;
      connection.sync_commits = options.durability == Durability::kStrict;
      auto store = SqliteStore::open(store_path(options, profile), connection);
      if (!store) return store.error();
      return std::unique_ptr<TaskStore>(*std::move(store));
    }
    case StoreKind::kMemory:
      return std::unique_ptr<TaskStore>(std::make_unique<MemoryStore>(MemoryStoreLimits{
          options.memory_records_max, options.memory_bytes_max, options.memory_cull_fraction}));
    case StoreKind::kNone:
      break;
  }
  return std::unique_ptr<TaskStore>(std::make_unique<NullStore>());
}

fs::path owed_file(const Profile& profile) {
  return profile.log_dir() / ("owed" + profile.cluster_id + ".txt");
}

fs::path engines_file(const Profile& profile) {
  return profile.log_dir() / ("engines" + profile.cluster_id + ".json");
}

}  // namespace trireme
