// dlopen, with every way it can go wrong put into a sentence.
#include "engine/plugin_loader.hpp"

#include <dlfcn.h>

#include <exception>
#include <string>
#include <system_error>

#include <trireme/plugin.hpp>

#include "engine/task_failure.hpp"

namespace trireme {
namespace {

Error failed(const std::filesystem::path& file, const std::string& why) {
  return Error{ErrorCode::kConfiguration,
               "The plug-in '" + file.string() + "' cannot be used: " + why};
}

std::string loader_error() {
  const char* text = dlerror();
  return text == nullptr ? "the system's loader gave no reason." : std::string(text) + ".";
}

Result<const PluginDescriptor*> describe_plugin(const std::filesystem::path& file, void* library) {
  void* symbol = dlsym(library, kPluginSymbol);
  if (symbol == nullptr) {
    return failed(file, std::string("it has no symbol '") + kPluginSymbol +
                            "'; write its entry with TRIREME_PLUGIN(registry) from "
                            "<trireme/plugin.hpp>.");
  }
  const auto entry = reinterpret_cast<const PluginDescriptor* (*)()>(symbol);
  const PluginDescriptor* descriptor = entry();
  if (descriptor == nullptr || descriptor->abi != kPluginAbi) {
    const std::string theirs = descriptor == nullptr ? "none" : std::to_string(descriptor->abi);
    return failed(file, "it was built for version " + theirs +
                            " of the plug-in interface, this engine has version " +
                            std::to_string(kPluginAbi) + "; rebuild it with this Trireme.");
  }
  if (descriptor->value_size != sizeof(Value)) {
    return failed(file, std::string("it was built by a compiler (") + descriptor->compiler +
                            ") or with settings that do not fit this engine (" + __VERSION__ +
                            "); rebuild it with the same ones.");
  }
  return descriptor;
}

}  // namespace

Result<void> load_plugin(const std::filesystem::path& file, FunctionTable& table) {
  std::error_code ignored;
  // A file in the working folder comes first: dlopen looks there only for names with a slash.
  const bool is_file = std::filesystem::exists(file, ignored);
  const std::string name = is_file ? std::filesystem::absolute(file).string() : file.string();
  dlerror();
  void* library = nullptr;
  try {
    library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  } catch (...) {  // thrown by a constructor of a global object in the library
    return failed(file, "a global object of it throws: " +
                            describe_exception(std::current_exception(), "").traceback.at(1));
  }
  if (library == nullptr) return failed(file, loader_error());
  auto descriptor = describe_plugin(file, library);
  if (!descriptor) return descriptor.error();
  table.set_source("plug-in " + file.filename().string());
  try {
    (*descriptor)->load(table);
  } catch (...) {
    return failed(file, "its registration throws: " +
                            describe_exception(std::current_exception(), "").traceback.at(1) + ".");
  }
  return {};
}

}  // namespace trireme
