#include "controller/controller.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>
#include <utility>

#include "controller/start_up.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;

// How many messages one channel may deliver before the others get their turn.
constexpr int kBatchMax = 256;
// Where new work comes in; what waits there waits in the clients' own queues.
constexpr Channel kWorkChannels[] = {Channel::kTaskClients, Channel::kMuxClients,
                                     Channel::kBroadcastClients};
// How soon the keeper is looked at again while clients wait for it.
constexpr std::chrono::milliseconds kPause{20};
// How long replies and notifications of a shutdown have to reach their readers.
constexpr std::chrono::milliseconds kFarewell{500};
// How often messages for engines that are cut off are tried again.
constexpr std::chrono::milliseconds kRetryPause{50};
// The same for clients that were too slow to read: soon at first, then less and less often.
constexpr std::chrono::milliseconds kUnreadPauseMin{1};
// Replies that wait for clients to read them; what they would be given beyond it is dropped.
constexpr std::size_t kUnreadBytesMax = std::size_t{256} << 20;
// The hub and the scheduler count their questions to the store up from numbers far below this.
constexpr std::uint64_t kGateToken = ~0ULL;
// Replies of the last moments before a crash are offered again.
constexpr std::chrono::milliseconds kLastReplies{500};

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
    if (Result<void> written = write_files(); !written) return written;
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
  core.hub.keeps_records = options_.store != StoreKind::kNone;
  core.scheduler.scheme = *scheme;
  core.scheduler.hwm = static_cast<std::uint32_t>(options_.hwm);
  core.schedules_tasks = options_.scheme != "none";
  core.message_bytes_max = options_.message_bytes_max;
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

  // The last replies before the crash may never have left this machine.
  if (!end) return {};
  const Result<Query> latest =
      parse_query(R"({"received": {"$gte": ")" + format_timestamp(*end - kLastReplies) + "\"}}");
  TRIREME_CHECK(latest.has_value(), "a query of our own");
  const Result<std::vector<TaskRecord>> finished = store.find(*latest, Columns::all());
  if (finished) core_->restore_replies(*finished, clock_.now());
  return {};
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

Result<void> Controller::write_files() {
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
}

void Controller::watch_channels() {
  // Pongs first: nobody is to be called silent while his answer waits to be read.
  static constexpr Channel kReceiving[] = {
      Channel::kHeartPong,    Channel::kQuery,           Channel::kTaskEngines,
      Channel::kMuxEngines,   Channel::kControlEngines,  Channel::kBroadcastEngines,
      Channel::kIopubEngines, Channel::kControlClients,  Channel::kTaskClients,
      Channel::kMuxClients,   Channel::kBroadcastClients};
  for (const Channel channel : kReceiving) {
    loop_.watch(endpoints_->socket(channel), [this, channel] { receive(channel); });
  }
  loop_.watch_fd(answers_.fd(), [this] { take_answers(); });
}

// The system says at once when a connection ends: sooner than any heart.
Result<void> Controller::watch_connections() {
  for (const Channel channel : {Channel::kHeartPong, Channel::kTaskEngines, Channel::kMuxEngines,
                                Channel::kBroadcastEngines}) {
    Result<ConnectionWatch> watch = ConnectionWatch::open(context_, endpoints_->socket(channel));
    if (!watch) return watch.error();
    const auto kept = watches_.emplace(channel, *std::move(watch)).first;
    loop_.watch(kept->second.events(), [this, channel] { take_cuts(channel); });
  }
  return {};
}

void Controller::take_cuts(Channel channel) {
  ConnectionWatch& watch = watches_.at(channel);
  while (const std::optional<ConnectionEvent> event = watch.take()) {
    if (*event != ConnectionEvent::kLost) continue;
    if (channel != Channel::kHeartPong) {
      core_->on_connections_lost(channel, clock_.now());
      continue;
    }
    // What the heart said before is heard before: it must not pass for a sign of life.
    const auto heart = heart_of_.find(watch.lost_descriptor());
    if (heart == heart_of_.end()) continue;
    const EngineUuid engine = heart->second;
    heart_of_.erase(heart);
    drain_pongs();
    core_->on_heart_cut(engine, clock_.now());
  }
}

void Controller::drain_pongs() {
  Socket& socket = endpoints_->socket(Channel::kHeartPong);
  Frames frames;
  while (socket.receive(frames)) {
    if (!frames.empty()) note_heart(frames.front().view(), socket.last_source());
    core_->on_frames(Channel::kHeartPong, std::move(frames), clock_.now(), outbox_);
    flush();
  }
}

void Controller::note_heart(std::string_view engine, int descriptor) {
  if (descriptor < 0) return;
  EngineUuid& known = heart_of_[descriptor];
  if (known.view() != engine) known = EngineUuid(engine);
}

void Controller::watch(Channel channel) {
  loop_.watch(endpoints_->socket(channel), [this, channel] { receive(channel); });
}

// A store that cannot keep up must not fill the memory: while its backlog is over half of the
// limit, no new work is taken in. Replies, hearts and questions go on.
void Controller::pace_clients() {
  const bool is_behind = keeper_->is_behind();
  if (is_behind == clients_wait_) return;
  clients_wait_ = is_behind;
  say(LogLevel::kWarning, is_behind ? "records cannot be stored as fast as work comes in: "
                                      "clients wait"
                                    : "the records are stored: clients go on");
  for (const Channel channel : kWorkChannels) {
    if (is_behind) {
      loop_.unwatch(endpoints_->socket(channel));
    } else {
      watch(channel);
    }
  }
}

void Controller::run(SignalWatch& signals) {
  loop_.watch_fd(signals.fd(), [&] {
    while (const std::optional<int> signal = signals.take()) {
      if (*signal == SIGHUP) continue;  // the terminal that started us may close
      log_.write(LogLevel::kInfo, "stopping after signal " + std::to_string(*signal));
      end_ = clock_.now().instant;
    }
  });
  log_.write(LogLevel::kInfo, "serving; clients connect with " + profile_.client_file().string());
  flush();
  while (!end_ || clock_.now().instant < *end_) {
    std::optional<Instant> due = core_->next_deadline();
    if (end_ && (!due || *end_ < *due)) due = end_;
    const Instant look = clock_.now().instant + kPause;
    if (clients_wait_ && (!due || look < *due)) due = look;
    if (!mail_.empty() && (!due || next_retry_ < *due)) due = next_retry_;
    if (!unread_.empty() && (!due || next_unread_retry_ < *due)) due = next_unread_retry_;
    offers_.note(core_->routes().parked_count(), clock_.now().instant);
    if (offers_.next() && (!due || *offers_.next() < *due)) due = offers_.next();
    loop_.wait(due);
    core_->on_deadline(clock_.now(), outbox_);
    flush();
    retry_mail();
    retry_unread();
    offer_parked();
    hand_over_records();
    pace_clients();
  }
  loop_.unwatch_fd(signals.fd());
  if (files_are_ours_) {
    core_->abandon_tasks(clock_.now(), outbox_);
    hand_over_records();
  }
  remove_files();
  keeper_->stop();
  lock_.mark_ended();
  log_.write(LogLevel::kInfo, "stopped");
}

void Controller::receive(Channel channel) {
  Socket& socket = endpoints_->socket(channel);
  Frames frames;
  const auto census = endpoints_->censuses.find(channel);
  for (int count = 0; count < kBatchMax && socket.receive(frames); ++count) {
    if (census != endpoints_->censuses.end() && census->second.take(frames)) continue;
    if (channel == Channel::kHeartPong && !frames.empty()) {
      note_heart(frames.front().view(), socket.last_source());
    }
    core_->on_frames(channel, std::move(frames), clock_.now(), outbox_);
    flush();
  }
}

void Controller::take_answers() {
  for (StoreAnswer& answer : answers_.take()) {
    if (answer.token == kGateToken) {
      open_gate(answer);
      flush();
      continue;
    }
    core_->on_store_answer(std::move(answer), clock_.now(), outbox_);
    flush();
  }
}

void Controller::flush() {
  // A message for a client that is away may lead to another one.
  for (std::size_t next = 0; next < outbox_.outgoing.size(); ++next) {
    auto item = std::move(outbox_.outgoing[next]);
    if (auto* frames = std::get_if<OutgoingFrames>(&item)) {
      send(frames->channel, std::move(frames->frames));
    } else {
      const auto& message = std::get<OutgoingMessage>(item);
      send(message.channel, core_->encode(message.message));
    }
  }
  outbox_.outgoing.clear();
  if (!outbox_.questions.empty()) {
    hand_over_records();
    for (StoreQuestion& question : outbox_.questions) keeper_->ask(std::move(question));
    outbox_.questions.clear();
  }
  for (const LogLine& line : outbox_.log_lines) say(line.level, line.text);
  outbox_.log_lines.clear();
  if (outbox_.engines_changed) save_engines();
  outbox_.engines_changed = false;
  if (outbox_.stop_requested && !end_) end_ = clock_.now().instant + kFarewell;
}

/// Writes to the log, but not the same complaint again and again.
void Controller::say(LogLevel level, const std::string& text) {
  if (level < LogLevel::kWarning) return log_.write(level, text);
  if (const auto admitted = repeats_.admit(text, clock_.now().instant)) {
    log_.write(level, *admitted);
  }
}

void Controller::hand_over_records() {
  if (!outbox_.records.empty()) {
    keeper_->submit(std::move(outbox_.records));
    outbox_.records.clear();
  }
  if (gate_.should_ask()) {
    gate_.asked();
    keeper_->ask({kGateToken, FlushChanges{}});
  }
}

// Strict durability: nobody sees what a controller started again might not know of.
bool Controller::is_held_back(Channel channel) const {
  return options_.durability == Durability::kStrict && endpoints_->carries_work(channel);
}

void Controller::open_gate(const StoreAnswer& answer) {
  if (!answer.reply) return gate_.refused();
  for (OutgoingFrames& item : gate_.confirmed()) deliver(item.channel, std::move(item.frames));
}

void Controller::send(Channel channel, Frames frames) {
  if (is_held_back(channel)) return gate_.hold({channel, std::move(frames)});
  deliver(channel, std::move(frames));
}

/// Sends in order: behind what waits for the same addressee already.
void Controller::deliver(Channel channel, Frames frames) {
  const bool is_reply = Endpoints::answers_clients(channel);
  WaitingMail& waiting = is_reply ? unread_ : mail_;
  const bool waits = !waiting.empty() && waiting.holds(channel, frames.front().view());
  if (!waits && try_to_send(channel, frames)) return;
  if (!waiting.add(channel, std::move(frames)) && is_reply) note_unread(channel);
}

void Controller::note_unread(Channel channel) {
  if (++unread_dropped_ > 1) return;
  log_.write(LogLevel::kWarning,
             "clients do not read their replies on " + std::string(channel_name(channel)) + ": " +
                 std::to_string(unread_.bytes() >> 20) +
                 " MiB wait, further ones are dropped; results can be had from the records (said "
                 "once)");
}

/// False when the message must wait for its addressee; it is untouched then.
bool Controller::try_to_send(Channel channel, Frames& frames) {
  const Result<void> sent = endpoints_->socket(channel).send(std::move(frames));
  if (sent) return true;
  if (sent.error().code == ErrorCode::kBusy && !frames.empty()) return false;
  if (sent.error().code == ErrorCode::kClosed && !frames.empty()) {
    if (!Endpoints::carries_work(channel)) return true;  // whoever asked has gone
    if (endpoints_->censuses.contains(channel)) {
      core_->on_client_away(channel, std::move(frames), outbox_);
      return true;
    }
    return !core_->awaits_engine(EngineUuid(frames.front().view()));
  }
  if (++failed_sends_ == 1) {
    log_.write(LogLevel::kError, "a message on " + std::string(channel_name(channel)) +
                                     " was not sent: " + sent.error().text + " (said once)");
  }
  return true;
}

void Controller::retry_mail() {
  const Instant now = clock_.now().instant;
  if (mail_.empty() || now < next_retry_) return;
  next_retry_ = now + kRetryPause;
  mail_.retry([this](Channel channel, Frames& frames) {
    const Result<void> sent = endpoints_->socket(channel).send(std::move(frames));
    if (sent) return WaitingMail::Trial::kSent;
    const bool is_expected = sent.error().code == ErrorCode::kClosed &&
                             core_->awaits_engine(EngineUuid(frames.front().view()));
    return is_expected ? WaitingMail::Trial::kAway : WaitingMail::Trial::kHopeless;
  });
}

/// Who reads again gets what waits; nobody reading costs less and less attention.
void Controller::retry_unread() {
  const Instant now = clock_.now().instant;
  if (unread_.empty() || now < next_unread_retry_) return;
  const bool was_sent = unread_.retry([this](Channel channel, Frames& frames) {
    return try_to_send(channel, frames) ? WaitingMail::Trial::kSent : WaitingMail::Trial::kAway;
  });
  unread_pause_ = was_sent ? kUnreadPauseMin : std::min(2 * unread_pause_, kRetryPause);
  next_unread_retry_ = now + unread_pause_;
  flush();
}

/// Clients that wait in silence are found by trying the connections that came in and said nothing.
void Controller::offer_parked() {
  if (!offers_.take(clock_.now().instant)) return;
  for (auto& [channel, census] : endpoints_->censuses) {
    for (const RoutingId& connection : census.connections()) {
      for (Frames& offer : core_->offers_for(channel, connection)) {
        if (!endpoints_->socket(channel).send(std::move(offer))) break;  // it is gone again
      }
    }
    if (const Result<void> probed = census.probe(); !probed) {
      log_.write(LogLevel::kDebug, "cannot look for silent clients: " + probed.error().text);
    }
  }
}

void Controller::save_engines() {
  const Result<void> saved =
      write_file_atomically(engines_file(profile_), core_->engines_json(), 0600);
  if (!saved)
    log_.write(LogLevel::kError, saved.error().text + "; --restore will not find engines");
}

}  // namespace trireme
