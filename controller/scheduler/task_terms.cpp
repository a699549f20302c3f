// Reads scheduling terms from metadata with one pass over the JSON text and no tree.
#include "controller/scheduler/task_terms.hpp"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <utility>

#include "session/plain_json.hpp"

namespace trireme {
namespace {

namespace ondemand = simdjson::ondemand;

Error wrong_kind(std::string_view key, std::string_view expected) {
  return {ErrorCode::kBadFormat, "The metadata key '" + std::string(key) + "' must be " +
                                     std::string(expected) + "; correct the sender."};
}

Error not_an_object(std::string_view what) {
  return {ErrorCode::kBadFormat,
          "The " + std::string(what) + " is not a JSON object; correct the sender."};
}

/// Keeps a padded copy of the text and the parser's memory for the thread's next message.
class ObjectReader {
 public:
  /// Calls visit(key, value) -> Result<void> for each member until one fails.
  template <class Visit>
  static Result<void> read(std::string_view json, std::string_view what, const Visit& visit) {
    thread_local ondemand::parser parser;
    thread_local std::string padded;
    padded.assign(json);
    padded.append(simdjson::SIMDJSON_PADDING, '\0');
    const simdjson::padded_string_view text(padded.data(), json.size(), padded.size());
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(text).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS) {
      return not_an_object(what);
    }
    Result<void> members = read_members(object, what, visit);
    if (members && document.current_location().error() == simdjson::SUCCESS) {
      return not_an_object(what);  // something follows the object
    }
    return members;
  }

  template <class Visit>
  static Result<void> read_members(ondemand::object& object, std::string_view what,
                                   const Visit& visit) {
    for (auto member : object) {
      ondemand::field field;
      std::string_view key;
      if (std::move(member).get(field) != simdjson::SUCCESS ||
          field.unescaped_key().get(key) != simdjson::SUCCESS) {
        return not_an_object(what);
      }
      Result<void> visited = visit(key, field.value());
      if (!visited) return visited;
    }
    return {};
  }
};

bool is_null(ondemand::value& value) {
  ondemand::json_type type;
  return value.type().get(type) == simdjson::SUCCESS && type == ondemand::json_type::null;
}

template <class Name>
void sort_and_deduplicate(std::vector<Name>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

/// A list of strings into distinct names.
template <class Name>
Result<void> read_names(ondemand::array& array, std::string_view key, std::vector<Name>& names) {
  names.clear();
  for (auto element : array) {
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) {
      return wrong_kind(key, "a list of strings");
    }
    names.emplace_back(text);
  }
  sort_and_deduplicate(names);
  return {};
}

Result<void> read_flag(ondemand::value& value, std::string_view key, bool& flag) {
  if (is_null(value)) return {};
  if (value.get_bool().get(flag) != simdjson::SUCCESS) return wrong_kind(key, "true or false");
  return {};
}

Result<void> read_id_list(ondemand::value& value, std::string_view key, std::vector<MsgId>& ids) {
  if (is_null(value)) return {};
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return wrong_kind(key, "a list of message ids");
  }
  return read_names(array, key, ids);
}

Result<void> read_dependency(ondemand::value& value, std::string_view key, Dependency& dependency) {
  ondemand::json_type type;
  if (value.type().get(type) != simdjson::SUCCESS) return not_an_object("task metadata");
  dependency = Dependency{};
  if (type == ondemand::json_type::null) return {};
  if (type == ondemand::json_type::array) return read_id_list(value, key, dependency.ids);
  if (type == ondemand::json_type::string) {
    std::string_view id;
    if (value.get_string().get(id) != simdjson::SUCCESS) return wrong_kind(key, "a message id");
    dependency.ids.emplace_back(id);
    return {};
  }
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) {
    return wrong_kind(key, "a list of message ids or a dependency object");
  }
  return ObjectReader::read_members(
      object, "task metadata", [&](std::string_view name, ondemand::value member) -> Result<void> {
        if (name == "dependencies") return read_id_list(member, key, dependency.ids);
        if (name == "all") return read_flag(member, "all", dependency.all);
        if (name == "success") return read_flag(member, "success", dependency.success);
        if (name == "failure") return read_flag(member, "failure", dependency.failure);
        return {};
      });
}

Result<void> read_timeout(ondemand::value& value,
                          std::optional<std::chrono::nanoseconds>& timeout) {
  timeout.reset();
  if (is_null(value)) return {};
  double seconds = 0;
  if (value.get_double().get(seconds) != simdjson::SUCCESS) {
    return wrong_kind("timeout", "a number of seconds");
  }
  if (seconds == 0 || seconds >= static_cast<double>(kTaskTimeoutMax.count())) return {};
  timeout = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::max(seconds, 0.0)));
  return {};
}

Result<void> read_targets(ondemand::value& value, std::vector<EngineUuid>& targets) {
  targets.clear();
  if (is_null(value)) return {};
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) {
    return wrong_kind("targets", "a list of engine uuids");
  }
  return read_names(array, "targets", targets);
}

Result<void> read_retries(ondemand::value& value, std::uint32_t& retries) {
  retries = 0;
  if (is_null(value)) return {};
  std::int64_t number = 0;
  if (value.get_int64().get(number) != simdjson::SUCCESS) {
    return wrong_kind("retries", "a whole number");
  }
  retries = static_cast<std::uint32_t>(std::clamp<std::int64_t>(number, 0, kTaskRetriesMax));
  return {};
}

ReplyStatus status_of(std::string_view text) {
  if (text == "ok") return ReplyStatus::kOk;
  return text == "aborted" ? ReplyStatus::kAborted : ReplyStatus::kError;
}

/// The value of `status` in a reply's metadata or content; empty when there is none.
Result<void> read_status(ondemand::value& value, std::optional<ReplyStatus>& status) {
  if (is_null(value)) return {};
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return wrong_kind("status", "a string");
  status = status_of(text);
  return {};
}

/// The metadata read last, when it named no engine and no task: most tasks come in rows with equal
/// terms.
struct LatestTerms {
  std::string text;
  TaskTerms terms;

  static LatestTerms& of_this_thread() {
    thread_local LatestTerms latest;
    return latest;
  }
  void put(std::string_view metadata_json, const TaskTerms& read) {
    const bool names_nothing =
        read.after.ids.empty() && read.follow.ids.empty() && read.targets.empty();
    if (!names_nothing || metadata_json.size() > kBytesMax) return;
    text = metadata_json;
    terms = read;
  }

  static constexpr std::size_t kBytesMax = 1024;
};

/// The terms of a reply whose metadata is plain; empty when it must be parsed.
std::optional<ReplyTerms> plain_reply_terms(std::string_view metadata_json) {
  ReplyTerms terms;
  std::string_view status;
  bool is_known = true;
  const bool is_plain = visit_plain_object(
      metadata_json, [&](std::string_view key, std::string_view text, PlainKind kind) {
        if (key == "status") {
          is_known &= kind == PlainKind::kString;
          status = text;
        } else if (key == "dependencies_met") {
          is_known &= kind == PlainKind::kTrue || kind == PlainKind::kFalse;
          terms.dependencies_met = kind == PlainKind::kTrue;
        }
      });
  if (!is_plain || !is_known || status.empty()) return std::nullopt;
  terms.status = status_of(status);
  return terms;
}

}  // namespace

Result<TaskTerms> parse_task_terms(std::string_view metadata_json) {
  TaskTerms terms;
  if (metadata_json == "{}") return terms;
  LatestTerms& latest = LatestTerms::of_this_thread();
  if (!latest.text.empty() && metadata_json == latest.text) return latest.terms;
  Result<void> read =
      ObjectReader::read(metadata_json, "task metadata",
                         [&](std::string_view key, ondemand::value value) -> Result<void> {
                           if (key == "after") return read_dependency(value, "after", terms.after);
                           if (key == "follow")
                             return read_dependency(value, "follow", terms.follow);
                           if (key == "timeout") return read_timeout(value, terms.timeout);
                           if (key == "targets") return read_targets(value, terms.targets);
                           if (key == "retries") return read_retries(value, terms.retries);
                           return {};
                         });
  if (!read) return read.error();
  latest.put(metadata_json, terms);
  return terms;
}

Result<ReplyTerms> parse_reply_terms(std::string_view metadata_json,
                                     std::string_view content_json) {
  if (const auto plain = plain_reply_terms(metadata_json)) return *plain;
  ReplyTerms terms;
  std::optional<ReplyStatus> status;
  Result<void> read =
      ObjectReader::read(metadata_json, "reply metadata",
                         [&](std::string_view key, ondemand::value value) -> Result<void> {
                           if (key == "status") return read_status(value, status);
                           if (key == "dependencies_met")
                             return read_flag(value, key, terms.dependencies_met);
                           return {};
                         });
  if (read && !status && !content_json.empty()) {
    read =
        ObjectReader::read(content_json, "reply content",
                           [&](std::string_view key, ondemand::value value) -> Result<void> {
                             return key == "status" ? read_status(value, status) : Result<void>{};
                           });
  }
  if (!read) return read.error();
  terms.status = status.value_or(ReplyStatus::kOk);
  return terms;
}

}  // namespace trireme
