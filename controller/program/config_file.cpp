#include "controller/program/config_file.hpp"

#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "controller/program/traits.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// The line without a comment; a '#' inside quotes is none.
std::string_view without_comment(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') {
        ++i;
      } else if (c == quote) {
        quote = 0;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '#') {
      return line.substr(0, i);
    }
  }
  return line;
}

Result<void> assign(std::string_view name, const TraitValue& value, const std::string& where,
                    ControllerOptions& options, std::vector<std::string>& warnings) {
  const Trait* trait = find_trait(name);
  if (trait == nullptr) {
    warnings.push_back(where + ": " + std::string(name) + " is not known here and is ignored");
    return {};
  }
  if (value.is_none) return {};
  const Result<void> set = trait->set(options, value);
  if (set) return {};
  return Error{ErrorCode::kConfiguration,
               where + ": " + std::string(name) + " " + set.error().text};
}

Result<void> apply_python(const fs::path& file, ControllerOptions& options,
                          std::vector<std::string>& warnings) {
  std::ifstream stream(file);
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    const std::string where = file.string() + ":" + std::to_string(number);
    const std::string_view code = trim(without_comment(line));
    if (code.empty() || code == "c = get_config()") continue;
    const std::size_t equals = code.find('=');
    const std::string_view name =
        code.starts_with("c.")
            ? trim(code.substr(2, equals == std::string_view::npos ? 0 : equals - 2))
            : std::string_view{};
    if (name.find('.') == std::string_view::npos ||
        name.find_first_of(" ()[]") != std::string_view::npos) {
      warnings.push_back(where +
                         ": only lines such as c.IPController.ip = '127.0.0.1' are read, "
                         "not Python code; ignored: " +
                         std::string(code));
      continue;
    }
    const Result<TraitValue> value = parse_python_literal(trim(code.substr(equals + 1)));
    if (!value) {
      warnings.push_back(where + ": " + value.error().text + "; ignored");
      continue;
    }
    if (Result<void> set = assign(name, *value, where, options, warnings); !set) return set;
  }
  return {};
}

TraitValue value_from_json(const Json& json) {
  TraitValue value;
  const auto scalar = [](const Json& item) -> std::string {
    if (item.is_string()) return item.get<std::string>();
    if (item.is_boolean()) return item.get<bool>() ? "True" : "False";
    return item.dump();
  };
  value.is_none = json.is_null();
  value.is_list = json.is_array();
  if (json.is_array()) {
    for (const Json& item : json) value.items.push_back(scalar(item));
  } else {
    value.items.push_back(scalar(json));
  }
  return value;
}

Result<void> apply_json(const fs::path& file, ControllerOptions& options,
                        std::vector<std::string>& warnings) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  const Json config = Json::parse(text.str(), nullptr, false);
  if (!config.is_object()) {
    return Error{ErrorCode::kConfiguration,
                 file.string() + " is not a JSON object; mend it or move it away"};
  }
  for (const auto& [class_name, traits] : config.items()) {
    if (!traits.is_object()) continue;  // such as "version": 1
    for (const auto& [trait, json] : traits.items()) {
      std::string name = class_name;
      name.append(".").append(trait);
      Result<void> set = assign(name, value_from_json(json), file.string(), options, warnings);
      if (!set) return set;
    }
  }
  return {};
}

}  // namespace

Result<void> apply_config_files(const fs::path& folder, ControllerOptions& options,
                                std::vector<std::string>& warnings) {
  std::error_code ignored;
  const fs::path python = folder / "ipcontroller_config.py";
  if (fs::exists(python, ignored)) {
    if (Result<void> applied = apply_python(python, options, warnings); !applied) return applied;
  }
  const fs::path json = folder / "ipcontroller_config.json";
  if (fs::exists(json, ignored)) return apply_json(json, options, warnings);
  return {};
}

}  // namespace trireme
