#include "controller/program/traits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace trireme {
namespace {

using std::chrono::milliseconds;

Error bad_value(const std::string& what, const TraitValue& value) {
  return Error{
      ErrorCode::kConfiguration,
      what + ", not '" + (value.items.empty() ? std::string() : value.items.front()) + "'"};
}

const std::string& text_of(const TraitValue& value) {
  static const std::string empty;
  return value.items.empty() ? empty : value.items.front();
}

Result<void> set_text(std::string& target, const TraitValue& value) {
  target = text_of(value);
  return {};
}

Result<void> set_bool(bool& target, const TraitValue& value) {
  std::string text = text_of(value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (text == "true" || text == "1") {
    target = true;
  } else if (text == "false" || text == "0") {
    target = false;
  } else {
    return bad_value("must be True or False", value);
  }
  return {};
}

template <class Number>
Result<void> set_number(Number& target, const TraitValue& value, Number least, Number most,
                        const char* what) {
  const std::string& text = text_of(value);
  Number number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size() || number < least ||
      number > most) {
    return bad_value(what, value);
  }
  target = number;
  return {};
}

Result<void> set_seconds(std::optional<milliseconds>& target, const TraitValue& value) {
  double seconds = 0;
  Result<void> read =
      set_number(seconds, value, 0.0, 1e9, "must be a number of seconds, 0 for the default");
  if (!read) return read;
  target.reset();
  if (seconds > 0) target = milliseconds(std::llround(seconds * 1000));
  return {};
}

// Ports as a list of numbers, or text such as 10101-10120,10130.
Result<void> set_ports(std::deque<int>& target, const TraitValue& value) {
  constexpr const char* kWhat = "must be ports such as 10101-10120,10130";
  std::deque<int> ports;
  for (const std::string& item : value.items) {
    std::size_t at = 0;
    while (at <= item.size() && !item.empty()) {
      const std::size_t comma = std::min(item.find(',', at), item.size());
      const std::string range = item.substr(at, comma - at);
      const std::size_t dash = range.find('-');
      int first = 0;
      int last = 0;
      const TraitValue first_text{{range.substr(0, dash)}};
      if (!set_number(first, first_text, 1, 65535, kWhat)) return bad_value(kWhat, value);
      last = first;
      if (dash != std::string::npos) {
        const TraitValue last_text{{range.substr(dash + 1)}};
        if (!set_number(last, last_text, first, 65535, kWhat)) return bad_value(kWhat, value);
      }
      for (int port = first; port <= last; ++port) ports.push_back(port);
      at = comma + 1;
    }
  }
  target = ports;
  return {};
}

Result<void> set_one_port(std::deque<int>& target, const TraitValue& value) {
  int port = 0;
  Result<void> read = set_number(port, value, 0, 65535, "must be a port");
  if (read && port != 0) target.push_front(port);
  return read;
}

Result<void> set_transport(std::string& target, const TraitValue& value) {
  if (text_of(value) != "tcp" && text_of(value) != "ipc") {
    return bad_value("must be tcp or ipc", value);
  }
  return set_text(target, value);
}

Result<void> set_store(ControllerOptions& options, const TraitValue& value) {
  const std::string& text = text_of(value);
  const std::string name =
      text.substr(text.rfind('.') == std::string::npos ? 0 : text.rfind('.') + 1);
  if (name == "NoDB" || name == "none") {
    options.store = StoreKind::kNone;
  } else if (name == "DictDB" || name == "memory") {
    options.store = StoreKind::kMemory;
  } else if (name == "SQLiteDB" || name == "sqlite") {
    options.store = StoreKind::kSqlite;
  } else {
    return bad_value("must be SQLiteDB, DictDB or NoDB", value);
  }
  return {};
}

Result<void> set_durability(ControllerOptions& options, const TraitValue& value) {
  const std::string& text = text_of(value);
  if (text == "none") {
    options.durability = Durability::kNone;
  } else if (text == "batch") {
    options.durability = Durability::kBatch;
  } else if (text == "strict") {
    options.durability = Durability::kStrict;
  } else {
    return bad_value("must be none, batch or strict", value);
  }
  return {};
}

Result<void> set_scheme(ControllerOptions& options, const TraitValue& value) {
  static constexpr std::array<std::string_view, 7> kSchemes{
      "leastload", "lru", "plainrandom", "twobin", "weighted", "pure", "none"};
  if (std::find(kSchemes.begin(), kSchemes.end(), text_of(value)) == kSchemes.end()) {
    return bad_value("must be leastload, lru, plainrandom, twobin, weighted, pure or none", value);
  }
  return set_text(options.scheme, value);
}

Result<void> set_log_level(ControllerOptions& options, const TraitValue& value) {
  static constexpr std::array<std::pair<std::string_view, int>, 7> kNames{{{"DEBUG", 10},
                                                                           {"INFO", 20},
                                                                           {"WARN", 30},
                                                                           {"WARNING", 30},
                                                                           {"ERROR", 40},
                                                                           {"CRITICAL", 50},
                                                                           {"FATAL", 50}}};
  std::string text = text_of(value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  for (const auto& [name, level] : kNames) {
    if (text == name) {
      options.log_level = level;
      return {};
    }
  }
  return set_number(options.log_level, value, 0, 1000,
                    "must be a number or DEBUG, INFO, WARNING, ERROR or CRITICAL");
}

Result<void> ignore(ControllerOptions&, const TraitValue&) { return {}; }

using O = ControllerOptions;
using V = TraitValue;
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// Every row names what it sets in one line: adding an option is adding a row.
const Trait kTraits[] = {
    {"IPController.ip", "address to bind for both sides; * is all interfaces [127.0.0.1]",
     [](O& o, const V& v) {
       o.engines.ip = text_of(v);
       return set_text(o.clients.ip, v);
     }},
    {"IPController.engine_ip", "address to bind for engines",
     [](O& o, const V& v) { return set_text(o.engines.ip, v); }},
    {"IPController.client_ip", "address to bind for clients",
     [](O& o, const V& v) { return set_text(o.clients.ip, v); }},
    {"IPController.transport", "tcp or ipc, for both sides [tcp]",
     [](O& o, const V& v) {
       const Result<void> set = set_transport(o.engines.transport, v);
       return set ? set_transport(o.clients.transport, v) : set;
     }},
    {"IPController.engine_transport", "tcp or ipc, for engines",
     [](O& o, const V& v) { return set_transport(o.engines.transport, v); }},
    {"IPController.client_transport", "tcp or ipc, for clients",
     [](O& o, const V& v) { return set_transport(o.clients.transport, v); }},
    {"IPController.ports", "ports to use, such as 10101-10120,10130 [random]",
     [](O& o, const V& v) { return set_ports(o.shared_ports, v); }},
    {"IPController.engine_ports", "ports engines connect to",
     [](O& o, const V& v) { return set_ports(o.engines.ports, v); }},
    {"IPController.client_ports", "ports clients connect to",
     [](O& o, const V& v) { return set_ports(o.clients.ports, v); }},
    {"IPController.regport", "the registration port (deprecated: use ports)",
     [](O& o, const V& v) { return set_one_port(o.engines.ports, v); }},
    {"IPController.location", "host peers on other machines reach this one by [host name]",
     [](O& o, const V& v) { return set_text(o.location, v); }},
    {"IPController.ssh_server", "ssh server clients tunnel through",
     [](O& o, const V& v) { return set_text(o.clients.ssh, v); }},
    {"IPController.engine_ssh_server", "ssh server engines tunnel through",
     [](O& o, const V& v) { return set_text(o.engines.ssh, v); }},
    {"IPController.reuse_files", "keep key and ports of the connection files found [False]",
     [](O& o, const V& v) { return set_bool(o.reuse_files, v); }},
    {"IPController.restore_engines", "take the engines of the former run for alive [False]",
     [](O& o, const V& v) { return set_bool(o.restore_engines, v); }},
    {"IPController.registration_timeout", "seconds an engine may take to beat [30 or 10 beats]",
     [](O& o, const V& v) { return set_seconds(o.registration_timeout, v); }},
    {"IPController.db_class", "SQLiteDB, DictDB or NoDB [SQLiteDB]", set_store},
    {"IPController.enable_curve", "encrypt with CURVE [False]",
     [](O& o, const V& v) { return set_bool(o.curve, v); }},
    {"IPController.curve_secretkey", "CURVE secret key, 40 Z85 characters",
     [](O& o, const V& v) { return set_text(o.curve_secret_key, v); }},
    {"IPController.curve_publickey", "CURVE public key, 40 Z85 characters",
     [](O& o, const V& v) { return set_text(o.curve_public_key, v); }},
    {"IPController.cluster_id", "part of the connection files' names",
     [](O& o, const V& v) {
       o.profile.cluster_id = text_of(v);
       return Result<void>();
     }},
    {"IPController.work_dir", "folder to run in",
     [](O& o, const V& v) { return set_text(o.work_dir, v); }},
    {"IPController.log_to_file", "log to a file in the profile [False]",
     [](O& o, const V& v) { return set_bool(o.log_to_file, v); }},
    {"IPController.clean_logs", "delete log files of former runs at start [False]",
     [](O& o, const V& v) { return set_bool(o.clean_logs, v); }},
    {"IPController.durability", "what a killed controller keeps: none, batch or strict [batch]",
     set_durability},
    {"IPController.recover", "go on where a killed controller stopped [True]",
     [](O& o, const V& v) { return set_bool(o.recover, v); }},
    {"IPController.broadcast_scheduler_depth", "accepted; broadcasts need no tree here", ignore},
    {"IPController.use_threads", "accepted; the controller is one process", ignore},
    {"IPController.monitor_ip", "accepted; there is no monitor socket", ignore},
    {"IPController.secure", "False: unsigned messages [True]",
     [](O& o, const V& v) {
       bool secure = true;
       Result<void> set = set_bool(secure, v);
       if (set && !secure) o.key = "";
       if (set && secure) o.key.reset();
       return set;
     }},
    {"IPController.message_bytes_max", "tasks larger than this are refused [4294967296]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.message_bytes_max, v, 1024, kMost,
                                        "must be a number of bytes");
     }},
    {"IPController.queue_bytes_max",
     "tasks are refused while those queued and running take this many bytes [4294967296]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.queue_bytes_max, v, 1024, kMost,
                                        "must be a number of bytes");
     }},
    {"IPController.answer_bytes_max",
     "questions for records that take more than this many bytes at once are refused [2147483648]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.answer_bytes_max, v, 1024, kMost,
                                        "must be a number of bytes");
     }},
    {"Application.log_level", "10 debug, 20 info, 30 warning, 40 error [20]", set_log_level},
    {"HeartMonitor.period", "milliseconds between heartbeats [3000]",
     [](O& o, const V& v) {
       std::int64_t period = 0;
       Result<void> set =
           set_number<std::int64_t>(period, v, 10, 86'400'000, "must be 10 milliseconds to a day");
       if (set) o.heartbeat_period = milliseconds(period);
       return set;
     }},
    {"HeartMonitor.max_heartmonitor_misses", "missed beats before an engine is given up [10]",
     [](O& o, const V& v) {
       return set_number(o.heartbeats_missed_max, v, 1, 1'000'000, "must be a count of beats");
     }},
    {"HeartMonitor.debug", "accepted; use --log-level=10", ignore},
    {"TaskScheduler.scheme_name", "leastload, lru, plainrandom, twobin, weighted, pure or none",
     set_scheme},
    {"TaskScheduler.hwm", "tasks an engine has at once; 0 is no limit [1]",
     [](O& o, const V& v) {
       return set_number(o.hwm, v, 0, 1'000'000, "must be a number of tasks, 0 for no limit");
     }},
    {"DictDB.record_limit", "records kept in memory [1024]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.memory_records_max, v, 1, kMost, "must be a count");
     }},
    {"DictDB.size_limit", "bytes of buffers kept in memory [2147483648]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.memory_bytes_max, v, 1, kMost,
                                        "must be a number of bytes");
     }},
    {"DictDB.cull_fraction", "share of the records dropped beyond a limit [0.1]",
     [](O& o, const V& v) {
       return set_number(o.memory_cull_fraction, v, 0.0001, 1.0, "must be between 0 and 1");
     }},
    {"SQLiteDB.filename", "database file [trireme.db]",
     [](O& o, const V& v) { return set_text(o.store_file, v); }},
    {"SQLiteDB.location", "folder of the database file [profile folder]",
     [](O& o, const V& v) { return set_text(o.store_location, v); }},
    {"SQLiteDB.table", "accepted; the table's name is fixed", ignore},
    {"Session.key", "HMAC key; empty: unsigned [random]",
     [](O& o, const V& v) {
       o.key = text_of(v);
       return Result<void>();
     }},
    {"Session.keyfile", "file to read the HMAC key from",
     [](O& o, const V& v) { return set_text(o.key_file, v); }},
    {"Session.packer", "json or msgpack.packb [json]",
     [](O& o, const V& v) { return set_text(o.packer, v); }},
    {"Session.unpacker", "accepted; follows the packer", ignore},
    {"Session.signature_scheme", "hmac- and a hash [hmac-sha256]",
     [](O& o, const V& v) { return set_text(o.signature_scheme, v); }},
    {"Session.digest_history_size", "signatures remembered against replays [65536]",
     [](O& o, const V& v) {
       return set_number<std::uint64_t>(o.digest_history, v, 0, 1ULL << 32, "must be a count");
     }},
    {"Session.session", "session id of the controller [random]",
     [](O& o, const V& v) { return set_text(o.session, v); }},
    {"Session.username", "name in message headers [the user]",
     [](O& o, const V& v) { return set_text(o.username, v); }},
    {"ProfileDir.location", "profile folder",
     [](O& o, const V& v) { return set_text(o.profile.profile_dir, v); }},
    {"BaseIPythonApplication.profile", "profile name [default]",
     [](O& o, const V& v) { return set_text(o.profile.profile, v); }},
    {"BaseIPythonApplication.ipython_dir", "folder of profiles [~/.ipython]",
     [](O& o, const V& v) { return set_text(o.profile.ipython_dir, v); }},
    {"BaseIPythonApplication.extra_config_file", "accepted by ipcontroller; not read here", ignore},
    {"BaseParallelApplication.log_url", "accepted; logs go to standard error or a file", ignore},
};

// Classes whose traits are also found under another class's name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kClassAliases{
    {{"HubFactory", "IPController"},
     {"IPControllerApp", "IPController"},
     {"BaseParallelApplication", "IPController"},
     {"IPController", "Application"},
     {"IPController", "BaseIPythonApplication"},
     {"BaseParallelApplication", "Application"},
     {"IPControllerApp", "Application"}}};

const Trait* find_exact(std::string_view name) {
  for (const Trait& trait : kTraits) {
    if (trait.name == name) return &trait;
  }
  return nullptr;
}

}  // namespace

milliseconds ControllerOptions::registration_timeout_or_default() const {
  if (registration_timeout) return *registration_timeout;
  return std::max(milliseconds(30'000), heartbeat_period * 10);
}

std::span<const Trait> controller_traits() { return kTraits; }

const Trait* find_trait(std::string_view name) {
  if (const Trait* exact = find_exact(name)) return exact;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  for (const auto& [alias, real] : kClassAliases) {
    if (alias != name.substr(0, dot)) continue;
    if (const Trait* found = find_exact(std::string(real) + std::string(name.substr(dot)))) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace trireme
