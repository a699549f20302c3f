#include "client/request_text.hpp"

#include <utility>

#include <trireme/value.hpp>

namespace trireme {
namespace {

Value dependency_value(const TaskDependency& dependency) {
  return Dict{{"dependencies", to_value(dependency.msg_ids()).as_list()},
              {"all", dependency.all()},
              {"success", dependency.success()},
              {"failure", dependency.failure()}};
}

}  // namespace

std::string direct_metadata_json(std::string_view label) {
  return label.empty() ? "{}" : to_json(Dict{{"label", label}});
}

std::string task_metadata_json(const TaskOptions& options, const std::vector<EngineUuid>& targets) {
  List uuids;
  for (const EngineUuid& uuid : targets) uuids.emplace_back(uuid.str());
  Dict metadata{{"after", List{}},
                {"follow", List{}},
                {"timeout", nullptr},
                {"targets", std::move(uuids)},
                {"retries", options.retries}};
  if (!options.after.empty()) metadata["after"] = dependency_value(options.after);
  if (!options.follow.empty()) metadata["follow"] = dependency_value(options.follow);
  if (options.timeout.count() > 0) metadata["timeout"] = options.timeout.count();
  if (!options.label.empty()) metadata["label"] = options.label;
  return to_json(metadata);
}

std::string broadcast_metadata_json(const std::vector<EngineInfo>& targets, bool is_coalescing) {
  List pairs;
  for (const EngineInfo& engine : targets) {
    List pair;
    pair.emplace_back(engine.uuid);
    pair.emplace_back(engine.id);
    pairs.emplace_back(std::move(pair));
  }
  return to_json(Dict{
      {"targets", std::move(pairs)}, {"is_broadcast", true}, {"is_coalescing", is_coalescing}});
}

std::string execute_content_json(std::string_view code, bool silent) {
  return to_json(Dict{{"code", code}, {"silent", silent}, {"user_expressions", Dict{}}});
}

std::string complete_content_json(std::string_view code, std::size_t cursor) {
  return to_json(Dict{{"code", code}, {"cursor_pos", cursor}});
}

}  // namespace trireme
