// The option table of trireme-engine and the reading of words in traitlets' style.
#include "engine/options.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "session/connection_file.hpp"

namespace trireme {
namespace {

enum class Form {
  kValue,    // --name=value or --name value
  kFlag,     // --name, or --name=true|false
  kIgnored,  // means something to ipengine only; takes a value
  kFlagIgnored
};

/// Sets one option; false when the value cannot be understood.
using Setter = bool (*)(EngineOptions& options, const std::string& value);

struct OptionRow {
  std::string_view name;   // after the two dashes
  std::string_view trait;  // Class.trait that means the same, or empty
  Form form;
  Setter set;
  std::string_view help;  // value and meaning
};

bool read_bool(const std::string& text, bool& into) {
  const bool yes = text == "true" || text == "True" || text == "1";
  const bool no = text == "false" || text == "False" || text == "0";
  into = yes;
  return yes || no;
}

template <class Number>
bool read_number(const std::string& text, Number least, Number most, Number& into) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return false;
  if (!(number >= least && number <= most)) return false;
  into = number;
  return true;
}

bool read_seconds(const std::string& text, std::chrono::milliseconds& into) {
  constexpr double kSecondsMax = 1e6;
  double seconds = 0;
  if (!read_number(text, 0.0, kSecondsMax, seconds)) return false;
  into = std::chrono::milliseconds(std::llround(seconds * 1'000));
  return true;
}

bool read_level(const std::string& text, int& into) {
  struct Level {
    std::string_view name;
    int number;
  };
  constexpr std::array kLevels{Level{"DEBUG", 10}, Level{"INFO", 20},  Level{"WARNING", 30},
                               Level{"WARN", 30},  Level{"ERROR", 40}, Level{"CRITICAL", 50}};
  std::string upper;
  for (const char c : text) upper += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  for (const Level& level : kLevels) {
    if (level.name == upper) {
      into = level.number;
      return true;
    }
  }
  return read_number(text, 0, 100, into);
}

bool read_id(const std::string& text, std::optional<int>& into) {
  int id = 0;
  if (text == "None") return true;
  if (!read_number(text, 0, 1 << 30, id)) return false;
  into = id;
  return true;
}

/// Per task: more than nothing.
bool read_task_seconds(const std::string& text, std::optional<std::chrono::milliseconds>& into) {
  std::chrono::milliseconds time{};
  if (!read_seconds(text, time) || time.count() == 0) return false;
  into = time;
  return true;
}

/// `1500000000`, `512M`, `2G`.
bool read_bytes(std::string text, std::optional<std::uint64_t>& into) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;  // what the process itself needs
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
  const std::size_t unit = std::string_view("KMG").find(text.empty() ? ' ' : text.back());
  const bool has_unit = unit != std::string_view::npos;
  if (has_unit) text.pop_back();
  const std::uint64_t factor = has_unit ? std::uint64_t{1} << (10 * (unit + 1)) : 1;
  std::uint64_t count = 0;
  if (!read_number<std::uint64_t>(text, 1, kMost / factor, count)) return false;
  into = count * factor;
  return *into >= kLeast;
}

using Options = EngineOptions;
using Text = std::string;

constexpr OptionRow kOptions[] = {
    {"profile", "BaseIPythonApplication.profile", Form::kValue,
     [](Options& o, const Text& v) { return o.profile.profile = v, true; },
     "NAME        profile whose connection file to use (default)"},
    {"profile-dir", "ProfileDir.location", Form::kValue,
     [](Options& o, const Text& v) { return o.profile.profile_dir = v, true; },
     "FOLDER      profile folder; wins over --profile ($IPP_PROFILE_DIR)"},
    {"ipython-dir", "BaseIPythonApplication.ipython_dir", Form::kValue,
     [](Options& o, const Text& v) { return o.profile.ipython_dir = v, true; },
     "FOLDER      where profiles are (~/.ipython, $IPYTHONDIR)"},
    {"cluster-id", "BaseParallelApplication.cluster_id", Form::kValue,
     [](Options& o, const Text& v) { return o.profile.cluster_id = v, true; },
     "ID          which cluster of the profile ($IPP_CLUSTER_ID)"},
    {"file", "IPEngine.url_file", Form::kValue,
     [](Options& o, const Text& v) { return o.connection_file = v, true; },
     "FILE        engine connection file, instead of the profile's"},
    {"load", "", Form::kValue,
     [](Options& o, const Text& v) { return o.plugins.emplace_back(v), !v.empty(); },
     "LIBRARY     plug-in with native tasks; may be repeated"},
    {"threads", "", Form::kValue,
     [](Options& o, const Text& v) {
       return read_number<std::size_t>(v, 1, kThreadsMax, o.threads);
     },
     "N           tasks run at once, 1 to 1024 (1)"},
    {"id", "IPEngine.id", Form::kValue, [](Options& o, const Text& v) { return read_id(v, o.id); },
     "N           engine id to ask for"},
    {"timeout", "IPEngine.timeout", Form::kValue,
     [](Options& o, const Text& v) { return read_seconds(v, o.timeout); },
     "SECONDS     to wait for the controller's answer (5)"},
    {"wait-for-file", "IPEngine.wait_for_url_file", Form::kValue,
     [](Options& o, const Text& v) { return read_seconds(v, o.wait_for_file); },
     "SECONDS     to wait for the connection file (10)"},
    {"max-heartbeat-misses", "IPEngine.max_heartbeat_misses", Form::kValue,
     [](Options& o, const Text& v) { return read_number(v, 0, 1 << 30, o.heartbeat_misses_max); },
     "N           silent heartbeat periods until the engine leaves; 0: never (50)"},
    {"location", "IPEngine.location", Form::kValue,
     [](Options& o, const Text& v) { return o.location = v, true; },
     "HOST        of the controller, instead of the file's"},
    {"ident", "Session.session", Form::kValue,
     [](Options& o, const Text& v) { return o.uuid = v, !v.empty(); },
     "UUID        identity of this engine (a new one)"},
    {"log-level", "Application.log_level", Form::kValue,
     [](Options& o, const Text& v) { return read_level(v, o.log_level); },
     "LEVEL       DEBUG, INFO, WARNING, ERROR or a number (INFO)"},
    {"log-to-file", "BaseParallelApplication.log_to_file", Form::kFlag,
     [](Options& o, const Text& v) { return read_bool(v, o.log_to_file); },
     "            log to a file in the profile's log folder"},
    {"work-dir", "BaseParallelApplication.work_dir", Form::kValue,
     [](Options& o, const Text& v) { return o.work_folder = v, true; }, "FOLDER      to work in"},
    {"capture-output", "", Form::kFlag,
     [](Options& o, const Text& v) { return read_bool(v, o.capture_output); },
     "            send what tasks print to their callers (true)"},
    {"in-process", "", Form::kFlag,
     [](Options& o, const Text& v) { return read_bool(v, o.in_process); },
     "            run tasks in the engine's own process: quicker, but their faults end it"},
    {"kernel", "", Form::kValue,
     [](Options& o, const Text& v) { return o.kernel_file = v, !v.empty(); },
     "FILE        be the Jupyter kernel of this connection file, without a cluster"},
    {"language", "", Form::kValue,
     [](Options& o, const Text& v) {
       return o.language = v, v == "cpp" || v == "sh" || v == "none";
     },
     "NAME        of cells without a %% line: cpp, sh, or none to run no cells"},
    {"task-timeout", "", Form::kValue,
     [](Options& o, const Text& v) { return read_task_seconds(v, o.task_timeout); },
     "SECONDS     that one task may take"},
    {"stop-grace", "", Form::kValue,
     [](Options& o, const Text& v) { return read_seconds(v, o.stop_grace); },
     "SECONDS     that an interrupted task has to stop by itself (1)"},
    {"cpu-limit", "", Form::kValue,
     [](Options& o, const Text& v) { return read_task_seconds(v, o.cpu_limit); },
     "SECONDS     of CPU time that one task may use"},
    {"memory-limit", "", Form::kValue,
     [](Options& o, const Text& v) { return read_bytes(v, o.memory_limit); },
     "BYTES       of memory for all tasks, as in 512M or 4G (at least 64M)"},
    {"nanny", "IPEngine.enable_nanny", Form::kFlag,
     [](Options& o, const Text& v) { return read_bool(v, o.nanny); },
     "            a second process tells the controller if this one dies (true)"},
    {"debug", "", Form::kFlag, [](Options& o, const Text&) { return o.log_level = 10, true; },
     "            the same as --log-level=DEBUG"},
    {"quiet", "", Form::kFlag, [](Options& o, const Text&) { return o.log_level = 50, true; },
     "            log nothing"},
    {"mpi", "", Form::kFlag, nullptr,
     "            take the MPI or Slurm rank as the id to ask for"},
    {"ssh", "IPEngine.sshserver", Form::kIgnored, nullptr, ""},
    {"sshkey", "IPEngine.sshkey", Form::kIgnored, nullptr, ""},
    {"url", "IPEngine.registration_url", Form::kIgnored, nullptr, ""},
    {"c", "IPEngine.startup_command", Form::kIgnored, nullptr, ""},
    {"s", "IPEngine.startup_script", Form::kIgnored, nullptr, ""},
    {"config", "", Form::kIgnored, nullptr, ""},
    {"user", "Session.username", Form::kIgnored, nullptr, ""},
    {"keyfile", "Session.keyfile", Form::kIgnored, nullptr, ""},
    {"log-url", "", Form::kIgnored, nullptr, ""},
    {"init", "", Form::kFlagIgnored, nullptr, ""},
    {"clean-logs", "", Form::kFlagIgnored, nullptr, ""},
};

const OptionRow* find_option(std::string_view name) {
  for (const OptionRow& row : kOptions) {
    if (row.name == name || (!row.trait.empty() && row.trait == name)) return &row;
  }
  return nullptr;
}

std::string help_text() {
  std::string text =
      "Usage: trireme-engine [OPTIONS]\n\n"
      "Runs tasks for the controller whose connection file it finds. Options as in ipengine:\n\n";
  for (const OptionRow& row : kOptions) {
    if (row.help.empty()) continue;
    const std::string name(row.name);
    text += "  --" + name + std::string(22 - name.size(), ' ') + std::string(row.help) + "\n";
  }
  return text +
         "  --help, --version\n\n"
         "Exit codes: 0 left as asked, 1 a file, key or plug-in cannot be used, 2 wrong usage,\n"
         "255 the controller refused the engine or did not answer.\n";
}

/// Goes through the words once.
class Reader {
 public:
  Reader(std::vector<std::string> words, const Environment& environment)
      : words_(std::move(words)), environment_(environment) {}

  Result<EngineCommandLine> read() {
    read_environment();
    while (next_ < words_.size() && !result_.print_text) {
      const std::string word = words_[next_++];
      if (word == "--") break;
      if (auto done = read_word(word); !done) return done.error();
    }
    const EngineOptions& options = result_.options;
    if (options.in_process && (options.task_timeout || options.cpu_limit || options.memory_limit)) {
      return Error{ErrorCode::kUsage,
                   "The limits of tasks need a process of their own; leave out --in-process."};
    }
    return std::move(result_);
  }

 private:
  Result<void> read_word(const std::string& word) {
    constexpr std::string_view kKernelLink = "--kernel-link=";  // written by KernelProcess only
    int link = 0;
    if (word.starts_with(kKernelLink) &&
        read_number(word.substr(kKernelLink.size()), 3, 1 << 20, link)) {
      result_.options.kernel_link = link;
    } else if (word == "--help" || word == "-h" || word == "--help-all") {
      result_.print_text = help_text();
    } else if (word == "--version" || word == "-V") {
      result_.print_text = std::string(TRIREME_VERSION) + "\n";
    } else if (word.starts_with("--") || word == "-c" || word == "-s") {
      return read_option(word);
    } else if (word.starts_with("-")) {
      return Error{ErrorCode::kUsage, "Unknown option '" + word + "'; see trireme-engine --help."};
    } else {
      warn("The word '" + word + "' means nothing here and is ignored.");
    }
    return {};
  }

  Result<void> read_option(const std::string& word) {
    const std::string body = word.substr(word.find_first_not_of('-'));
    const std::size_t equals = body.find('=');
    const std::string name = body.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = body.substr(equals + 1);
    const OptionRow* row = find_option(name);
    if (row == nullptr) return skip_unknown(word, name, value.has_value());
    const bool is_flag = row->form == Form::kFlag || row->form == Form::kFlagIgnored;
    if (!value && !is_flag) {
      if (next_ == words_.size()) {
        return Error{ErrorCode::kUsage, "The option --" + name + " needs a value."};
      }
      value = words_[next_++];
    }
    return apply(*row, name, value.value_or("true"));
  }

  Result<void> skip_unknown(const std::string& word, const std::string& name, bool has_value) {
    const bool is_trait = name.find('.') != std::string::npos;
    if (!is_trait && !has_value) {
      return Error{ErrorCode::kUsage, "Unknown option '" + word + "'; see trireme-engine --help."};
    }
    if (!has_value && next_ < words_.size() && !words_[next_].starts_with("-")) ++next_;
    warn("The option --" + name + " is unknown to trireme-engine and ignored.");
    return {};
  }

  Result<void> apply(const OptionRow& row, const std::string& name, const std::string& value) {
    if (row.form == Form::kIgnored || row.form == Form::kFlagIgnored) {
      warn("The option --" + name + " means nothing to trireme-engine and is ignored.");
    } else if (row.name == "mpi") {
      read_rank();
    } else if (!row.set(result_.options, value)) {
      return Error{ErrorCode::kUsage, "The value '" + value + "' of --" + name +
                                          " cannot be used; see trireme-engine --help."};
    }
    return {};
  }

  void read_environment() {
    EngineOptions& options = result_.options;
    if (auto text = environment_("IPP_CONNECTION_INFO")) options.connection_text = *text;
    if (auto key = environment_("IPP_SESSION_KEY")) options.session_key = *key;
    options.curve_server_key = environment_("IPP_CURVE_SERVERKEY");
  }

  void read_rank() {
    for (const char* name :
         {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MPI_LOCALRANKID", "SLURM_PROCID"}) {
      if (const auto rank = environment_(name)) {
        if (read_id(*rank, result_.options.id)) return;
      }
    }
    warn("--mpi is given, but no rank is in the environment; the controller chooses the id.");
  }

  void warn(std::string text) { result_.warnings.push_back(std::move(text)); }

  std::vector<std::string> words_;
  const Environment& environment_;
  std::size_t next_ = 0;
  EngineCommandLine result_;
};

}  // namespace

Result<EngineCommandLine> parse_engine_options(std::vector<std::string> words,
                                               const Environment& environment) {
  return Reader(std::move(words), environment).read();
}

}  // namespace trireme
