#include "session/connection_file.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Error from_errno(int code, const std::string& what) {
  const bool denied = code == EACCES || code == EPERM || code == EROFS;
  return Error{denied ? ErrorCode::kPermission : ErrorCode::kIo,
               what + ": " + std::generic_category().message(code)};
}

// Reads members of one connection file and remembers the first thing that is wrong.
class FileReader {
 public:
  FileReader(const Json& json, std::string_view origin) : json_(json), origin_(origin) {}

  std::string text(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return fail<std::string>(key, "must be a string");
    return value->get<std::string>();
  }
  std::string text_or(const char* key, std::string otherwise) {
    return json_.contains(key) && !json_[key].is_null() ? text(key) : std::move(otherwise);
  }
  int port(const char* key) {
    const Json* value = find(key);
    if (value == nullptr) return 0;
    return as_port(key, *value);
  }
  int port_or_zero(const char* key) { return json_.contains(key) ? port(key) : 0; }
  std::vector<int> ports_or_empty(const char* key) {
    std::vector<int> ports;
    if (!json_.contains(key)) return ports;
    const Json& value = json_[key];
    if (!value.is_array() || value.empty()) {
      fail<int>(key, "must be a list of ports");
      return ports;
    }
    for (const Json& element : value) ports.push_back(as_port(key, element));
    return ports;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json* find(const char* key) {
    const auto it = json_.find(key);
    if (it != json_.end()) return &*it;
    fail<int>(key, "is missing");
    return nullptr;
  }
  int as_port(const char* key, const Json& value) {
    if (!value.is_number_integer()) return fail<int>(key, "must be a port number");
    const auto number = value.get<std::int64_t>();
    if (number < 1 || number > 65535) return fail<int>(key, "must be a port number");
    return static_cast<int>(number);
  }
  template <class T>
  T fail(const char* key, const char* what) {
    if (!error_) {
      error_ = Error{ErrorCode::kBadFormat, "connection file " + origin_ + ": '" + key + "' " +
                                                what + "; let the controller write the file anew"};
    }
    return T{};
  }

  const Json& json_;
  std::string origin_;
  std::optional<Error> error_;
};

void read_common(FileReader& reader, const Json& json, ConnectionCommon& info) {
  info.ssh = reader.text_or("ssh", "");
  info.interface = reader.text("interface");
  info.registration = reader.port("registration");
  info.control = reader.port("control");
  info.mux = reader.port("mux");
  info.task = reader.port("task");
  info.iopub = reader.port("iopub");
  info.key = reader.text_or("key", "");
  if (json.contains("curve_serverkey") && !json["curve_serverkey"].is_null()) {
    info.curve_serverkey = reader.text("curve_serverkey");
  }
  info.location = reader.text_or("location", "");
  info.pack = reader.text_or("pack", "json");
  info.unpack = reader.text_or("unpack", "json");
  info.signature_scheme = reader.text_or("signature_scheme", "hmac-sha256");
}

Result<Json> parse_object(std::string_view text, std::string_view origin) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return Error{ErrorCode::kBadFormat, "connection file " + std::string(origin) +
                                            " is not a complete JSON object; it is damaged or "
                                            "still being written"};
  }
  return json;
}

Result<std::string> read_text(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    return Error{ErrorCode::kNotFound, "connection file " + file.string() +
                                           " is not there; start a controller first, or name "
                                           "its profile or cluster id"};
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();  // of an empty file, which is being written, nothing comes
  if (!stream || stream.bad()) {
    return Error{ErrorCode::kPermission, "connection file " + file.string() +
                                             " cannot be read; only its owner may read it"};
  }
  return text.str();
}

void write_head(Json& json, const ConnectionCommon& info) {
  json["ssh"] = info.ssh;
  json["interface"] = info.interface;
  json["registration"] = info.registration;
  json["control"] = info.control;
  json["mux"] = info.mux;
  json["task"] = info.task;
}

void write_tail(Json& json, const ConnectionCommon& info) {
  json["key"] = info.key;
  json["curve_serverkey"] = info.curve_serverkey ? Json(*info.curve_serverkey) : Json(nullptr);
  json["location"] = info.location;
  json["pack"] = info.pack;
  json["unpack"] = info.unpack;
  json["signature_scheme"] = info.signature_scheme;
}

std::string own_hostname() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? std::string(name) : std::string();
}

// The first IPv4 address of a host name, or the text itself when it cannot be resolved.
std::string resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return host;
  char text[INET_ADDRSTRLEN] = {};
  const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
  ::freeaddrinfo(found);
  return text;
}

}  // namespace

Result<ClientConnection> parse_client_connection(std::string_view text, std::string_view origin) {
  const Result<Json> json = parse_object(text, origin);
  if (!json) return json.error();
  FileReader reader(*json, origin);
  ClientConnection info;
  read_common(reader, *json, info);
  info.task_scheme = reader.text_or("task_scheme", "leastload");
  info.notification = reader.port("notification");
  info.broadcast = reader.port_or_zero("broadcast");
  if (reader.error()) return *reader.error();
  return info;
}

Result<EngineConnection> parse_engine_connection(std::string_view text, std::string_view origin) {
  const Result<Json> json = parse_object(text, origin);
  if (!json) return json.error();
  FileReader reader(*json, origin);
  EngineConnection info;
  read_common(reader, *json, info);
  info.hb_ping = reader.port("hb_ping");
  info.hb_pong = reader.port("hb_pong");
  info.broadcast = reader.ports_or_empty("broadcast");
  if (reader.error()) return *reader.error();
  return info;
}

Result<ClientConnection> read_client_connection(const fs::path& file) {
  const Result<std::string> text = read_text(file);
  if (!text) return text.error();
  return parse_client_connection(*text, file.string());
}

Result<EngineConnection> read_engine_connection(const fs::path& file) {
  const Result<std::string> text = read_text(file);
  if (!text) return text.error();
  return parse_engine_connection(*text, file.string());
}

Result<void> write_connection(const ClientConnection& info, const fs::path& file) {
  Json json;
  write_head(json, info);
  json["task_scheme"] = info.task_scheme;
  json["iopub"] = info.iopub;
  json["notification"] = info.notification;
  json["broadcast"] = info.broadcast;
  write_tail(json, info);
  return write_file_atomically(file, json.dump(2), 0600);
}

Result<void> write_connection(const EngineConnection& info, const fs::path& file) {
  Json json;
  write_head(json, info);
  json["iopub"] = info.iopub;
  json["hb_ping"] = info.hb_ping;
  json["hb_pong"] = info.hb_pong;
  json["broadcast"] = info.broadcast;
  write_tail(json, info);
  return write_file_atomically(file, json.dump(2), 0600);
}

Result<void> write_file_atomically(const fs::path& file, std::string_view text, unsigned mode) {
  const std::string temporary = file.string() + ".new-" + std::to_string(::getpid());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return from_errno(errno, "cannot write " + file.string());
  int failure = ::fchmod(fd, mode) == 0 ? 0 : errno;
  while (failure == 0 && !text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      failure = errno;
    }
  }
  if (::close(fd) != 0 && failure == 0) failure = errno;
  if (failure == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) failure = errno;
  if (failure == 0) return {};
  ::unlink(temporary.c_str());
  return from_errno(failure, "cannot write " + file.string());
}

std::string peer_url(const ConnectionCommon& info, int port) {
  constexpr std::string_view kTcp = "tcp://";
  if (!info.interface.starts_with(kTcp)) return info.interface + "-" + std::to_string(port);
  std::string host = info.interface.substr(kTcp.size());
  if (host == "*" || host == "0.0.0.0") {
    const bool here = info.location.empty() || info.location == own_hostname();
    host = here ? "127.0.0.1" : resolve(info.location);
  }
  return std::string(kTcp) + host + ":" + std::to_string(port);
}

}  // namespace trireme
