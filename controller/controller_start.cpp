// How a controller comes up: on fresh ground, on request or after a crash on what another one left.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "controller/controller.hpp"
#include "controller/program/start_up.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;

// Replies recorded so shortly before a crash may not have been sent.
constexpr std::chrono::milliseconds kLastReplies{100};

// Replies that wait for clients to read them; what they would be given beyond it is dropped.
constexpr std::size_t kUnreadBytesMax = std::size_t{256} << 20;

// When the database was last changed; its log is younger than itself.
std::optional<Timestamp> last_written(const fs::path& database) {
  std::optional<Timestamp> latest;
  for (const char* suffix : {"", "-wal"}) {
    struct stat facts {};
    if (::stat((database.string() + suffix).c_str(), &facts) != 0) continue;
    const Timestamp written{std::chrono::seconds(facts.st_mtim.tv_sec) +
                            std::chrono::microseconds(facts.st_mtim.tv_nsec / 1000)};
    if (!latest || written > *latest) latest = written;
  }
  return latest;
}

Query received_from(Timestamp moment) {
  const Result<Query> query =
      parse_query(R"({"received": {"$gte": ")" + format_timestamp(moment) + "\"}}");
  TRIREME_CHECK(query.has_value(), "a query of our own");
  return *query;
}

std::string user_name(const ControllerOptions& options) {
  if (!options.username.empty()) return options.username;
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : "trireme";
}

Result<Scheme> scheme_of(const ControllerOptions& options) {
  if (options.scheme == "none") return Scheme::kLeastLoad;
  if (const auto scheme = scheme_from_name(options.scheme)) return *scheme;
  return Error{ErrorCode::kConfiguration, "unknown scheme '" + options.scheme + "'"};
}

std::string connection_info(const EngineConnection& engine) {
  std::string leaves;
  for (const int port : engine.broadcast) {
    leaves += (leaves.empty() ? "" : ", ") + std::to_string(port);
  }
  return R"({"interface": )" + json_quote(engine.interface) + R"(, "registration": )" +
         std::to_string(engine.registration) + R"(, "control": )" + std::to_string(engine.control) +
         R"(, "mux": )" + std::to_string(engine.mux) + R"(, "task": )" +
         std::to_string(engine.task) + R"(, "iopub": )" + std::to_string(engine.iopub) +
         R"(, "hb_ping": )" + std::to_string(engine.hb_ping) + R"(, "hb_pong": )" +
         std::to_string(engine.hb_pong) + R"(, "broadcast": [)" + leaves + "]}";
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::create(const ControllerOptions& options,
                                                       const Profile& profile, Log& log) {
  Result<RunLock> lock = RunLock::take(profile);
  if (!lock) return lock.error();
  std::unique_ptr<Controller> controller(new Controller(options, profile, *std::move(lock), log));
  if (Result<void> opened = controller->open(); !opened) return opened.error();
  return controller;
}

Controller::Controller(const ControllerOptions& options, const Profile& profile, RunLock lock,
                       Log& log)
    : options_(options),
      profile_(profile),
      lock_(std::move(lock)),
      log_(log),
      owed_(owed_file(profile), log),
      unread_(kUnreadBytesMax) {}

Controller::~Controller() {
  if (keeper_) keeper_->stop();
}

Controller::TakeOver Controller::take_over() const {
  if (options_.restore_engines) return TakeOver::kOnRequest;
  const bool can_go_on =
      options_.store == StoreKind::kSqlite && options_.durability != Durability::kNone;
  const bool has_crashed = lock_.predecessor() == RunLock::Predecessor::kCrashed;
  return has_crashed && can_go_on && options_.recover ? TakeOver::kAfterCrash : TakeOver::kNo;
}

Result<void> Controller::open() {
  if (options_.durability == Durability::kStrict && options_.store != StoreKind::kSqlite) {
    return Error{ErrorCode::kConfiguration,
                 "--durability=strict needs task records on disk; use it with --sqlitedb"};
  }
  const std::optional<Timestamp> end = last_written(store_path(options_, profile_));
  Result<std::unique_ptr<TaskStore>> store = open_store(options_, profile_);
  if (!store) return store.error();
  TakeOver take = take_over();
  const Result<EndpointPlan> plan = open_sockets(take);
  if (!plan) return plan.error();
  for (const std::string& warning : endpoints_->warnings) {
    log_.write(LogLevel::kWarning, warning);
  }
  if (Result<void> opened = open_core(*plan); !opened) return opened;
  if (take != TakeOver::kNo && plan->reused_client) {
    restore_engines();
    if (Result<void> restored = restore_tasks(**store, end); !restored) return restored;
  }
  core_->start(clock_.now());
  keeper_ = std::make_unique<RecordKeeper>(
      *std::move(store), RecordKeeper::Options{},
      [this](StoreAnswer answer) { answers_.put(std::move(answer)); },
      [this](LogLevel level, std::string text) { log_.write(level, text); });
  files_are_ours_ = !options_.reuse_files && !options_.restore_engines;
  if (!plan->reused_client) {
    if (Result<void> written = write_files(*plan); !written) return written;
  }
  if (Result<void> marked = lock_.mark_serving(); !marked) {
    log_.write(LogLevel::kWarning, marked.error().text);
  }
  watch_channels();
  return watch_connections();
}

// The addresses of a crashed run are taken up when they are free; otherwise this run is a new one.
Result<EndpointPlan> Controller::open_sockets(TakeOver& take_over) {
  const bool asked = options_.reuse_files || options_.restore_engines;
  FilesFound found =
      asked || take_over == TakeOver::kAfterCrash ? FilesFound::kUsed : FilesFound::kReplaced;
  if (take_over == TakeOver::kAfterCrash) {
    log_.write(LogLevel::kWarning,
               "the controller before this one was killed: going on with its "
               "engines and tasks (--no-recover begins anew)");
  }
  for (;;) {
    Result<EndpointPlan> plan = plan_endpoints(options_, profile_, found, log_);
    if (!plan) return plan;
    Result<Endpoints> endpoints = open_endpoints(context_, options_, *plan);
    if (endpoints) {
      endpoints_ = *std::move(endpoints);
      return plan;
    }
    if (found == FilesFound::kReplaced || asked || endpoints.error().code != ErrorCode::kBusy) {
      return endpoints.error();
    }
    log_.write(LogLevel::kError, "cannot go on where the controller before this one was killed: " +
                                     endpoints.error().text + "; beginning anew");
    found = FilesFound::kReplaced;
    take_over = TakeOver::kNo;
  }
}

Result<void> Controller::open_core(const EndpointPlan& plan) {
  const EngineConnection& engine = endpoints_->engine;
  Result<Signer> signer = Signer::create(engine.key, engine.signature_scheme);
  if (!signer) return signer.error();
  const Result<Packer> packer = Packer::from_name(engine.pack);
  if (!packer) return packer.error();
  const Result<Scheme> scheme = scheme_of(options_);
  if (!scheme) return scheme.error();

  ControllerCore::Options core;
  core.hub.heart.period = options_.heartbeat_period;
  core.hub.heart.misses_max = options_.heartbeats_missed_max;
  core.hub.registry.registration_timeout = options_.registration_timeout_or_default();
  core.hub.connection_info_json = connection_info(engine);
  core.hub.answer_bytes_max = options_.answer_bytes_max;
  core.hub.keeps_records = options_.store != StoreKind::kNone;
  core.scheduler.scheme = *scheme;
  core.scheduler.hwm = static_cast<std::uint32_t>(options_.hwm);
  core.schedules_tasks = options_.scheme != "none";
  core.message_bytes_max = options_.message_bytes_max;
  core.queue_bytes_max = options_.queue_bytes_max;
  core_ = std::make_unique<ControllerCore>(
      core, Wire(*std::move(signer), *packer, {}, options_.digest_history),
      MessageFactory(SessionId(plan.session), user_name(options_), std::to_string(::getpid())),
      std::mt19937_64(std::random_device{}()));
  return {};
}

Result<void> Controller::restore_tasks(TaskStore& store, std::optional<Timestamp> end) {
  if (!store.keeps_records()) return {};
  const Result<Query> unfinished = parse_query(R"({"completed": null, "header": {"$ne": null}})");
  TRIREME_CHECK(unfinished.has_value(), "a query of our own");
  const Result<std::vector<TaskRecord>> records = store.find(*unfinished, Columns::all());
  if (!records) {
    return Error{records.error().code, "cannot read the tasks that are unfinished: " +
                                           records.error().text + "; --no-recover begins anew"};
  }
  core_->restore_tasks(*records, clock_.now(), outbox_);
  restore_gatherings(store, *records);

  const OwedJournal::Debts owed = owed_.read();
  owed_.clear();
  restore_replies(store, Query::with_ids(owed.certain), ControllerCore::Reached::kNo);
  restore_replies(store, Query::with_ids(owed.doubtful), ControllerCore::Reached::kMaybe);
  // The very last ones may never have left this machine; with strict durability others may still
  // have been held back.
  const std::optional<Timestamp> sent = lock_.sent_until();
  if (sent) restore_replies(store, received_from(*sent), ControllerCore::Reached::kNo);
  if (!end) return {};
  restore_replies(store, received_from(std::min(*end, sent.value_or(*end)) - kLastReplies),
                  ControllerCore::Reached::kMaybe);
  return {};
}

void Controller::restore_replies(TaskStore& store, const Query& query,
                                 ControllerCore::Reached reached) {
  const Result<std::vector<TaskRecord>> records = store.find(query, Columns::all());
  if (!records) return log_.write(LogLevel::kError, records.error().text);
  core_->restore_replies(*records, reached, clock_.now(), outbox_);
  restore_gatherings(store, *records);
}

void Controller::restore_gatherings(TaskStore& store, const std::vector<TaskRecord>& some) {
  const std::vector<MsgId> ids = core_->gathered_with(some);
  if (ids.empty()) return;
  const Result<std::vector<TaskRecord>> parts = store.find(Query::with_ids(ids), Columns::all());
  if (!parts) return log_.write(LogLevel::kError, parts.error().text);
  core_->restore_gatherings(*parts, clock_.now(), outbox_);
}

void Controller::restore_engines() {
  const fs::path file = engines_file(profile_);
  std::ifstream stream(file);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    log_.write(LogLevel::kInfo, "no engines to restore: " + file.string() + " is not there");
    return;
  }
  const Result<void> restored = core_->restore(text.str(), clock_.now(), outbox_);
  if (!restored) {
    log_.write(LogLevel::kError,
               "cannot restore engines from " + file.string() + ": " + restored.error().text);
  }
}

Result<void> Controller::write_files(const EndpointPlan& plan) {
  if (plan.curve && options_.curve_secret_key.empty()) {
    Result<void> kept =
        write_file_atomically(profile_.curve_key_file(), plan.curve->secret_key + "\n", 0600);
    if (!kept) return kept;
  }
  if (Result<void> written = write_connection(endpoints_->engine, profile_.engine_file());
      !written) {
    return written;
  }
  Result<void> written = write_connection(endpoints_->client, profile_.client_file());
  if (!written) remove_files();
  return written;
}

void Controller::remove_files() {
  if (!files_are_ours_) return;
  std::error_code ignored;
  fs::remove(profile_.client_file(), ignored);
  fs::remove(profile_.engine_file(), ignored);
  fs::remove(profile_.curve_key_file(), ignored);
}

}  // namespace trireme
