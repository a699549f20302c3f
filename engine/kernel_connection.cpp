// A JSON object with five ports.
#include "engine/kernel_connection.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "session/connection_file.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

struct PortKey {
  const char* key;
  int KernelConnection::*port;
};
constexpr std::array kPorts{PortKey{"shell_port", &KernelConnection::shell_port},
                            PortKey{"iopub_port", &KernelConnection::iopub_port},
                            PortKey{"stdin_port", &KernelConnection::stdin_port},
                            PortKey{"control_port", &KernelConnection::control_port},
                            PortKey{"hb_port", &KernelConnection::hb_port}};
struct TextKey {
  const char* key;
  std::string KernelConnection::*text;
};
constexpr std::array kTexts{TextKey{"transport", &KernelConnection::transport},
                            TextKey{"ip", &KernelConnection::ip},
                            TextKey{"key", &KernelConnection::key},
                            TextKey{"signature_scheme", &KernelConnection::signature_scheme},
                            TextKey{"kernel_name", &KernelConnection::kernel_name}};
constexpr int kPortMax = 65'535;

Error bad(std::string_view origin, const std::string& what) {
  return {ErrorCode::kBadFormat, "The kernel connection file " + std::string(origin) + " " + what +
                                     "; write it anew with Jupyter."};
}

}  // namespace

Result<KernelConnection> parse_kernel_connection(std::string_view json, std::string_view origin) {
  const Json content = Json::parse(json, nullptr, false);
  if (!content.is_object()) return bad(origin, "is not a JSON object");
  KernelConnection connection;
  for (const PortKey& row : kPorts) {
    const auto found = content.find(row.key);
    if (found == content.end()) continue;
    const bool fits = found->is_number_integer() && found->get<std::int64_t>() >= 0 &&
                      found->get<std::int64_t>() <= kPortMax;
    if (!fits) return bad(origin, std::string("has no port under \"") + row.key + "\"");
    connection.*row.port = found->get<int>();
  }
  for (const TextKey& row : kTexts) {
    const auto found = content.find(row.key);
    if (found == content.end()) continue;
    if (!found->is_string())
      return bad(origin, std::string("has no text under \"") + row.key + "\"");
    connection.*row.text = found->get<std::string>();
  }
  if (connection.transport != "tcp") {
    return bad(origin, "asks for the transport '" + connection.transport + "'; only tcp is known");
  }
  return connection;
}

std::string kernel_connection_json(const KernelConnection& connection) {
  Json content;
  for (const PortKey& row : kPorts) content[row.key] = connection.*row.port;
  for (const TextKey& row : kTexts) content[row.key] = connection.*row.text;
  return content.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<KernelConnection> read_kernel_connection(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return Error{ErrorCode::kNotFound,
                 "The kernel connection file " + file.string() + " cannot be read."};
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return parse_kernel_connection(text, file.string());
}

Result<void> write_kernel_connection(const KernelConnection& connection,
                                     const std::filesystem::path& file) {
  constexpr unsigned kOwnerOnly = 0600;
  return write_file_atomically(file, kernel_connection_json(connection), kOwnerOnly);
}

}  // namespace trireme
