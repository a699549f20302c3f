// trireme kernelspec: makes our kernel known to Jupyter.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include <trireme/value.hpp>

#include "cli/background_process.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "session/connection_file.hpp"

namespace trireme::cli {
namespace {

struct KernelspecOptions {
  bool user = false;
  std::string prefix;
  std::string name = "trireme";
  std::string display_name;
  std::string language = "cpp";
};

std::filesystem::path data_folder(const KernelspecOptions& options) {
  if (options.user && !options.prefix.empty()) {
    throw CommandFailed(kExitUsage, "give either --user or --prefix, not both");
  }
  if (!options.prefix.empty()) {
    return std::filesystem::path(options.prefix) / "share" / "jupyter";
  }
  if (const char* folder = std::getenv("JUPYTER_DATA_DIR"); folder != nullptr && *folder != '\0') {
    return folder;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr) throw CommandFailed(kExitFailed, "$HOME is not set; give --prefix");
  return std::filesystem::path(home) / ".local" / "share" / "jupyter";
}

std::filesystem::path kernel_folder(const KernelspecOptions& options) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  const bool is_name = !options.name.empty() && options.name.front() != '.' &&
                       options.name.find_first_not_of(kAllowed) == std::string::npos;
  if (!is_name) {
    throw CommandFailed(
        kExitUsage, "'" + options.name + "' is no name of a kernel; use letters, digits, . _ -");
  }
  return data_folder(options) / "kernels" / options.name;
}

std::string kernel_json(const KernelspecOptions& options) {
  const bool is_shell = options.language == "sh";
  const std::string display = !options.display_name.empty() ? options.display_name
                              : is_shell                    ? "Trireme (shell)"
                                                            : "Trireme (C++20)";
  const std::string engine = (program_folder() / "trireme-engine").string();
  return to_pretty_json(
             Dict{{"argv", List{engine, "--kernel", "{connection_file}",
                                "--language=" + options.language, "--log-level=WARNING"}},
                  {"display_name", display},
                  {"language", is_shell ? "bash" : "c++"},
                  {"interrupt_mode", "message"}}) +
         "\n";
}

int install(const KernelspecOptions& options) {
  const std::filesystem::path folder = kernel_folder(options);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) {
    throw CommandFailed(kExitFailed,
                        "the folder " + folder.string() + " cannot be made: " + failure.message());
  }
  constexpr unsigned kForAll = 0644;
  const auto written = write_file_atomically(folder / "kernel.json", kernel_json(options), kForAll);
  if (!written) throw CommandFailed(kExitFailed, written.error().text);
  print("Installed " + (folder / "kernel.json").string() + "\n");
  return kExitOk;
}

int remove(const KernelspecOptions& options) {
  const std::filesystem::path folder = kernel_folder(options);
  std::error_code failure;
  if (!std::filesystem::remove(folder / "kernel.json", failure)) {
    throw CommandFailed(kExitFailed, "there is no kernel in " + folder.string());
  }
  std::filesystem::remove(folder, failure);  // stays when something else is in it
  print("Removed " + folder.string() + "\n");
  return kExitOk;
}

void place_options(Subcommand& command, KernelspecOptions& options) {
  command.flag("--user", options.user, "For this user only (the default)");
  command.option("--prefix", options.prefix, "Folder above share/jupyter, such as /usr/local");
  command.option("--name", options.name, "Name of the kernel (trireme)");
}

}  // namespace

void add_kernelspec(CommandLine& program) {
  const auto options = std::make_shared<KernelspecOptions>();
  Subcommand group =
      program.subcommand("kernelspec", "Makes this Trireme known to Jupyter as a kernel");
  Subcommand installing = group.subcommand("install", "Writes kernel.json where Jupyter finds it");
  place_options(installing, *options);
  installing.option("--display-name", options->display_name, "What front ends call it");
  installing.option("--language", options->language, {"cpp", "sh"}, "Language of plain cells");
  installing.on_chosen([options] { return install(*options); });
  Subcommand removing = group.subcommand("remove", "Takes it away again");
  place_options(removing, *options);
  removing.on_chosen([options] { return remove(*options); });
}

}  // namespace trireme::cli
