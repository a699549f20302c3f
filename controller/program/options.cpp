// The command line in the syntax of traitlets, which no option library reads: `--flag`,
// `--alias=value`, `--alias value`, `--Class.trait=value`, values that may be empty, and unknown
// traits that only warn.
#include "controller/program/options.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <span>

#include "controller/program/config_file.hpp"
#include "controller/program/traits.hpp"

namespace trireme {
namespace {

struct Alias {
  std::string_view name;
  std::string_view trait;
};

constexpr Alias kAliases[] = {
    {"profile", "BaseIPythonApplication.profile"},
    {"profile-dir", "ProfileDir.location"},
    {"ipython-dir", "BaseIPythonApplication.ipython_dir"},
    {"config", "BaseIPythonApplication.extra_config_file"},
    {"cluster-id", "IPController.cluster_id"},
    {"log-level", "Application.log_level"},
    {"work-dir", "IPController.work_dir"},
    {"log-to-file", "IPController.log_to_file"},
    {"clean-logs", "IPController.clean_logs"},
    {"log-url", "BaseParallelApplication.log_url"},
    {"ip", "IPController.ip"},
    {"transport", "IPController.transport"},
    {"port", "IPController.regport"},
    {"ports", "IPController.ports"},
    {"location", "IPController.location"},
    {"ssh", "IPController.ssh_server"},
    {"enginessh", "IPController.engine_ssh_server"},
    {"ping", "HeartMonitor.period"},
    {"scheme", "TaskScheduler.scheme_name"},
    {"hwm", "TaskScheduler.hwm"},
    {"ident", "Session.session"},
    {"user", "Session.username"},
    {"keyfile", "Session.keyfile"},
    {"secure", "IPController.secure"},
    {"curve", "IPController.enable_curve"},
    {"message-bytes-max", "IPController.message_bytes_max"},
    {"queue-bytes-max", "IPController.queue_bytes_max"},
    {"answer-bytes-max", "IPController.answer_bytes_max"},
    {"durability", "IPController.durability"},
};

struct Flag {
  std::string_view name;
  std::string_view trait;
  std::string_view value;
  std::string_view help;
};

constexpr Flag kFlags[] = {
    {"debug", "Application.log_level", "10", "log everything"},
    {"quiet", "Application.log_level", "50", "log nothing but the end"},
    {"init", "", "", "accepted; profiles are created when missing"},
    {"log-to-file", "IPController.log_to_file", "True", "log to a file in the profile"},
    {"clean-logs", "IPController.clean_logs", "True", "delete log files of former runs"},
    {"sqlitedb", "IPController.db_class", "SQLiteDB", "keep task records in SQLite (default)"},
    {"dictdb", "IPController.db_class", "DictDB", "keep task records in memory"},
    {"nodb", "IPController.db_class", "NoDB", "keep no task records"},
    {"mongodb", "IPController.db_class", "MongoDB", "not supported"},
    {"reuse", "IPController.reuse_files", "True", "keep key and ports of existing files"},
    {"restore", "IPController.restore_engines", "True", "also take up former engines and tasks"},
    {"no-recover", "IPController.recover", "False", "leave what a killed controller left alone"},
    {"secure", "IPController.secure", "True", "sign messages with a new key (default)"},
    {"no-secure", "IPController.secure", "False", "do not sign messages"},
    {"enable-curve", "IPController.enable_curve", "True", "encrypt with CURVE"},
    {"usethreads", "", "", "accepted; the controller is one process"},
};

template <class Row, std::size_t N>
const Row* find_row(const Row (&rows)[N], std::string_view name) {
  const auto it = std::find_if(std::begin(rows), std::end(rows),
                               [&](const Row& row) { return row.name == name; });
  return it == std::end(rows) ? nullptr : it;
}

struct Assignment {
  const Trait* trait;
  std::string argument;  // as typed, for errors
  std::string value;
};

// Splits the arguments into assignments; changes nothing yet, for the profile must be known
// before its configuration files are read, and those come before the arguments.
class ArgumentReader {
 public:
  ArgumentReader(std::span<const std::string> arguments, ControllerCommand& command)
      : arguments_(arguments), command_(command) {}

  Result<std::vector<Assignment>> read() {
    std::vector<Assignment> assignments;
    for (next_ = 0; next_ < arguments_.size();) {
      const std::string& argument = arguments_[next_++];
      if (argument == "--") {
        ignore_rest();
        break;
      }
      if (read_action(argument)) continue;
      if (!argument.starts_with("-")) {
        command_.warnings.push_back("the argument '" + argument + "' is ignored");
        continue;
      }
      const Result<void> read = read_option(argument, assignments);
      if (!read) return read.error();
    }
    return assignments;
  }

 private:
  bool read_action(const std::string& argument) {
    if (argument == "-h" || argument == "--help") {
      command_.action = ControllerCommand::Action::kHelp;
    } else if (argument == "--help-all") {
      command_.action = ControllerCommand::Action::kHelpAll;
    } else if (argument == "--version" || argument == "-V") {
      command_.action = ControllerCommand::Action::kVersion;
    } else {
      return false;
    }
    return true;
  }

  void ignore_rest() {
    for (; next_ < arguments_.size(); ++next_) {
      command_.warnings.push_back("the argument '" + arguments_[next_] + "' is ignored");
    }
  }

  bool next_is_value() const {
    return next_ < arguments_.size() && !arguments_[next_].starts_with("-");
  }

  Result<void> read_option(const std::string& argument, std::vector<Assignment>& assignments) {
    const std::size_t dashes = argument.starts_with("--") ? 2 : 1;
    const std::size_t equals = argument.find('=');
    std::string name =
        argument.substr(dashes, equals == std::string::npos ? equals : equals - dashes);
    const bool is_trait = name.find('.') != std::string::npos;
    if (!is_trait) std::replace(name.begin(), name.end(), '_', '-');
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);

    const Flag* flag = value ? nullptr : find_row(kFlags, name);
    if (flag != nullptr && !(find_row(kAliases, name) != nullptr && next_is_bool())) {
      if (!flag->trait.empty()) {
        assignments.push_back({find_trait(flag->trait), argument, std::string(flag->value)});
      }
      return {};
    }
    const Alias* alias = find_row(kAliases, name);
    const Trait* trait = find_trait(is_trait           ? std::string_view(name)
                                    : alias != nullptr ? alias->trait
                                                       : std::string_view());
    if (!value && next_is_value()) value = arguments_[next_++];
    if (!value && trait == nullptr) {
      return Error{ErrorCode::kUsage,
                   "unknown flag '" + argument + "'; trireme-controller --help lists the flags"};
    }
    if (!value) {
      return Error{ErrorCode::kUsage, "'" + argument + "' needs a value: " + argument + "=VALUE"};
    }
    if (trait == nullptr) {
      command_.warnings.push_back("'--" + name + "' is not known here and is ignored");
      return {};
    }
    assignments.push_back({trait, "--" + name, *value});
    return {};
  }

  // `--log-to-file True`: a flag that may also be given a value.
  bool next_is_bool() const {
    if (!next_is_value()) return false;
    const std::string& next = arguments_[next_];
    return next == "True" || next == "False" || next == "true" || next == "false";
  }

  std::span<const std::string> arguments_;
  ControllerCommand& command_;
  std::size_t next_ = 0;
};

Result<void> apply(const std::vector<Assignment>& assignments, ControllerOptions& options) {
  for (const Assignment& assignment : assignments) {
    const Result<void> set = assignment.trait->set(options, parse_argument_value(assignment.value));
    if (!set) return Error{ErrorCode::kConfiguration, assignment.argument + " " + set.error().text};
  }
  return {};
}

void apply_environment(ControllerOptions& options) {
  const auto text = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string key = text("IPP_SESSION_KEY"); !key.empty()) options.key = key;
  options.curve = text("IPP_ENABLE_CURVE") == "1";
  options.curve_secret_key = text("IPP_CURVE_SECRETKEY");
  options.curve_public_key = text("IPP_CURVE_PUBLICKEY");
}

}  // namespace

Result<ControllerCommand> parse_controller_command(const std::vector<std::string>& arguments) {
  ControllerCommand command;
  const Result<std::vector<Assignment>> assignments = ArgumentReader(arguments, command).read();
  if (!assignments) return assignments.error();
  if (command.action != ControllerCommand::Action::kRun) return command;

  ControllerOptions from_arguments;
  if (Result<void> set = apply(*assignments, from_arguments); !set) return set.error();

  apply_environment(command.options);
  const Profile profile = resolve_profile(from_arguments.profile);
  if (Result<void> set = apply_config_files(profile.dir, command.options, command.warnings); !set) {
    return set.error();
  }
  if (Result<void> set = apply(*assignments, command.options); !set) return set.error();
  command.options.profile = from_arguments.profile;
  return command;
}

std::string controller_help(bool all) {
  std::string text =
      "trireme-controller: the hub and the schedulers of a cluster\n\n"
      "Usage: trireme-controller [--flag] [--option=value] [--Class.trait=value] ...\n\nFlags\n";
  for (const Flag& flag : kFlags) {
    text += "  --" + std::string(flag.name) + "\n      " + std::string(flag.help) + "\n";
  }
  text +=
      "  --help, --help-all\n      this text, or all configurable values too\n"
      "  --version\n      the version\n\nOptions\n";
  for (const Alias& alias : kAliases) {
    const Trait* trait = find_trait(alias.trait);
    text += "  --" + std::string(alias.name) + "=<" + std::string(alias.trait) + ">\n";
    if (trait != nullptr) text += "      " + std::string(trait->help) + "\n";
  }
  if (!all) return text + "\nAll configurable values: --help-all\n";
  text += "\nConfigurable values (also in the profile's ipcontroller_config.py or .json)\n";
  for (const Trait& trait : controller_traits()) {
    text += "  --" + std::string(trait.name) + "=<value>\n      " + std::string(trait.help) + "\n";
  }
  return text;
}

}  // namespace trireme
