// Which functions and executors a process has.
#include "engine/task_machinery.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/builtins.hpp"
#include "engine/cells/cell_executor.hpp"
#include "engine/cells/cell_names.hpp"
#include "engine/cells/languages.hpp"
#include "engine/function_executor.hpp"
#include "engine/function_table.hpp"
#include "engine/name_space.hpp"
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
  machinery.make_executors(parts.options.language);
  machinery.host_ = std::make_unique<LocalTaskHost>(LocalTaskHost::Parts{
      parts.loop, parts.clock, *machinery.names_, *machinery.executors_, machinery.capture_.get(),
      parts.options.threads, machinery.functions_->size(),
      default_language(available_runtimes(), parts.options.language), parts.on_ended});
  return machinery;
}

void TaskMachinery::prepare(const std::string& language, const EngineIdentity& who) {
  languages_->prepare(language, who);
}

void TaskMachinery::make_executors(const std::string& language) {
  values_ = std::make_unique<EngineNameSpace>();
  languages_ = std::make_shared<Languages>(available_runtimes(), *values_, language);
  names_ = std::make_unique<CellNames>(*values_, *languages_);
  functions_->set_fallback(
      [languages = languages_.get()](std::string_view name) { return languages->function(name); });
  executors_ = std::make_unique<ExecutorSet>();
  executors_->add(std::make_unique<FunctionExecutor>(functions_));
  executors_->add(std::make_unique<PythonExecutor>(functions_));
  executors_->add(std::make_unique<CellExecutor>(languages_));
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
