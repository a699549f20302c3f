// Which functions and executors a process has.
#include "engine/task_machinery.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/builtins.hpp"
#include "engine/function_executor.hpp"
#include "engine/function_table.hpp"
#include "engine/plugin_loader.hpp"
#include "engine/python_executor.hpp"

namespace trireme {
namespace {

Result<std::shared_ptr<FunctionTable>> load_functions(const EngineOptions& options) {
  auto table = std::make_shared<FunctionTable>();
  register_builtins(*table, BuiltinFacts{options.threads});
  for (const std::filesystem::path& plugin : options.plugins) {
    if (auto loaded = load_plugin(plugin, *table); !loaded) return loaded.error();
  }
  return table;
}

std::unique_ptr<OutputCapture> start_capture(const TaskMachinery::LogLine& log) {
  return std::make_unique<OutputCapture>([log](OutputPiece::Kind, std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (!text.empty()) {
      log(LogLevel::kInfo, "Printed by no single task: " + std::string(text));
    }
  });
}

}  // namespace

TaskMachinery::TaskMachinery() = default;
TaskMachinery::TaskMachinery(TaskMachinery&&) noexcept = default;
TaskMachinery::~TaskMachinery() = default;

Result<TaskMachinery> TaskMachinery::create(const Parts& parts) {
  auto functions = load_functions(parts.options);
  if (!functions) return functions.error();
  TaskMachinery machinery;
  machinery.functions_ = std::move(*functions);
  if (parts.options.capture_output) machinery.capture_ = start_capture(parts.log);
  machinery.host_ = std::make_unique<LocalTaskHost>(
      LocalTaskHost::Parts{parts.loop, parts.clock, machinery.capture_.get(), parts.options.threads,
                           machinery.functions_->size()});
  ExecutorSet& executors = machinery.host_->executors();
  executors.add(std::make_unique<FunctionExecutor>(machinery.functions_));
  executors.add(std::make_unique<PythonExecutor>(machinery.functions_));
  return machinery;
}

Result<void> enter_work_folder(const EngineOptions& options) {
  std::error_code failure;
  if (!options.work_folder.empty()) std::filesystem::current_path(options.work_folder, failure);
  if (!failure) return {};
  return Error{ErrorCode::kConfiguration,
               "The folder " + options.work_folder +
                   " of --work-dir cannot be used: " + failure.message() + "."};
}

}  // namespace trireme
