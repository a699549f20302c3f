#include "cli/cluster_ledger.hpp"

#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <trireme/value.hpp>
#include <trireme/value_traits.hpp>

#include "session/connection_file.hpp"

namespace trireme::cli {
namespace {

Value to_entry(const ProcessMark& process) {
  return Dict{{"pid", process.pid}, {"started_ticks", process.started_ticks}};
}

ProcessMark from_entry(const Value& entry) {
  return {entry.at("pid").to<int>(), entry.at("started_ticks").to<std::uint64_t>()};
}

}  // namespace

std::vector<ProcessMark> ClusterLedger::processes() const {
  std::vector<ProcessMark> all = engines;
  if (controller) all.push_back(*controller);
  return all;
}

std::filesystem::path ledger_file(const Profile& profile) {
  const std::string infix = profile.cluster_id.empty() ? "" : "-" + profile.cluster_id;
  return profile.pid_dir() / ("trireme" + infix + ".json");
}

Result<ClusterLedger> read_ledger(const Profile& profile) {
  ClusterLedger ledger;
  std::ifstream file(ledger_file(profile));
  if (!file) return ledger;
  std::stringstream text;
  text << file.rdbuf();
  try {
    const Value whole = parse_json(text.str());
    if (const Value* entry = whole.find("controller"); entry != nullptr && !entry->is_null()) {
      const ProcessMark controller = from_entry(*entry);
      if (is_running(controller)) ledger.controller = controller;
    }
    for (const Value& entry : whole.at("engines").as_list()) {
      const ProcessMark engine = from_entry(entry);
      if (is_running(engine)) ledger.engines.push_back(engine);
    }
    ledger.engine_words = whole.at("engine_words").to<std::vector<std::string>>();
  } catch (const Exception& error) {
    return Error{ErrorCode::kBadFormat, ledger_file(profile).string() +
                                            " is not a list of processes (" + error.what() +
                                            "); end its processes by hand and delete it"};
  }
  return ledger;
}

Result<void> write_ledger(const Profile& profile, const ClusterLedger& ledger) {
  List engines;
  for (const ProcessMark& engine : ledger.engines) engines.push_back(to_entry(engine));
  const Value whole =
      Dict{{"controller", ledger.controller ? to_entry(*ledger.controller) : Value()},
           {"engines", std::move(engines)},
           {"engine_words", to_value(ledger.engine_words)}};
  return write_file_atomically(ledger_file(profile), to_pretty_json(whole) + "\n", 0600);
}

void remove_ledger(const Profile& profile) {
  std::error_code ignored;
  std::filesystem::remove(ledger_file(profile), ignored);
}

}  // namespace trireme::cli
