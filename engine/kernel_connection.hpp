// The file that tells front ends of the Jupyter protocol where a kernel listens.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "session/result.hpp"

namespace trireme {

/// What such a file says. Port 0: any free one.
struct KernelConnection {
  std::string transport = "tcp";
  std::string ip = "127.0.0.1";
  int shell_port = 0;
  int iopub_port = 0;
  int stdin_port = 0;
  int control_port = 0;
  int hb_port = 0;
  std::string key;  // HMAC key; empty: unsigned
  std::string signature_scheme = "hmac-sha256";
  std::string kernel_name;
};

/// Reads JSON text; `origin` names it in errors. kBadFormat with the wrong key named.
Result<KernelConnection> parse_kernel_connection(std::string_view json, std::string_view origin);
std::string kernel_connection_json(const KernelConnection& connection);

/// kNotFound or kPermission when the file cannot be read, else as above.
Result<KernelConnection> read_kernel_connection(const std::filesystem::path& file);
/// Readable by its owner only. kPermission or kIo.
Result<void> write_kernel_connection(const KernelConnection& connection,
                                     const std::filesystem::path& file);

}  // namespace trireme
