#include "controller/controller.hpp"

#include <pwd.h>
#include <unistd.h>

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
  std::unique_ptr<Controller> controller(new Controller(options, profile, log));
  const Result<EndpointPlan> plan = plan_endpoints(options, profile, log);
  if (!plan) return plan.error();
  if (Result<void> opened = controller->open(*plan); !opened) return opened.error();
  return controller;
}

Controller::Controller(const ControllerOptions& options, const Profile& profile, Log& log)
    : options_(options), profile_(profile), log_(log) {}

Controller::~Controller() {
  if (keeper_) keeper_->stop();
}

Result<void> Controller::open(const EndpointPlan& plan) {
  Result<std::unique_ptr<TaskStore>> store = open_store(options_, profile_);
  if (!store) return store.error();
  keeper_ = std::make_unique<RecordKeeper>(
      *std::move(store), RecordKeeper::Options{},
      [this](StoreAnswer answer) { answers_.put(std::move(answer)); },
      [this](LogLevel level, std::string text) { log_.write(level, text); });

  Result<Endpoints> endpoints = open_endpoints(context_, options_, plan);
  if (!endpoints) return endpoints.error();
  endpoints_ = *std::move(endpoints);
  for (const std::string& warning : endpoints_->warnings) {
    log_.write(LogLevel::kWarning, warning);
  }
  if (Result<void> opened = open_core(plan); !opened) return opened;
  if (!plan.reused_client) {
    if (Result<void> written = write_files(); !written) return written;
  }
  watch_channels();
  return {};
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
  if (options_.restore_engines) restore_engines();
  core_->start(clock_.now());
  return {};
}

void Controller::restore_engines() {
  const fs::path file = engines_file(profile_);
  std::ifstream stream(file);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) {
    log_.write(LogLevel::kWarning, "no engines to restore: " + file.string() + " is not there");
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
  files_are_ours_ = !options_.reuse_files && !options_.restore_engines;
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

void Controller::watch(Channel channel) {
  loop_.watch(endpoints_->socket(channel), [this, channel] { receive(channel); });
}

// A store that cannot keep up must not fill the memory: while its backlog is over half of the
// limit, no new work is taken in. Replies, hearts and questions go on.
void Controller::pace_clients() {
  const bool is_behind = keeper_->is_behind();
  if (is_behind == clients_wait_) return;
  clients_wait_ = is_behind;
  log_.write(LogLevel::kWarning, is_behind ? "records cannot be stored as fast as work comes in: "
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
    loop_.wait(due);
    core_->on_deadline(clock_.now(), outbox_);
    flush();
    hand_over_records();
    pace_clients();
  }
  loop_.unwatch_fd(signals.fd());
  remove_files();
  keeper_->stop();
  log_.write(LogLevel::kInfo, "stopped");
}

void Controller::receive(Channel channel) {
  Socket& socket = endpoints_->socket(channel);
  Frames frames;
  for (int count = 0; count < kBatchMax && socket.receive(frames); ++count) {
    core_->on_frames(channel, std::move(frames), clock_.now(), outbox_);
    flush();
  }
}

void Controller::take_answers() {
  for (StoreAnswer& answer : answers_.take()) {
    core_->on_store_answer(std::move(answer), clock_.now(), outbox_);
    flush();
  }
}

void Controller::flush() {
  for (auto& item : outbox_.outgoing) {
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
  for (const LogLine& line : outbox_.log_lines) log_.write(line.level, line.text);
  outbox_.log_lines.clear();
  if (outbox_.engines_changed) save_engines();
  outbox_.engines_changed = false;
  if (outbox_.stop_requested && !end_) end_ = clock_.now().instant + kFarewell;
}

void Controller::hand_over_records() {
  if (outbox_.records.empty()) return;
  keeper_->submit(std::move(outbox_.records));
  outbox_.records.clear();
}

void Controller::send(Channel channel, Frames frames) {
  const Result<void> sent = endpoints_->socket(channel).send(std::move(frames));
  if (!sent && ++failed_sends_ == 1) {
    log_.write(LogLevel::kError, "a message on " + std::string(channel_name(channel)) +
                                     " was not sent: " + sent.error().text + " (said once)");
  }
}

void Controller::save_engines() {
  const Result<void> saved =
      write_file_atomically(engines_file(profile_), core_->engines_json(), 0600);
  if (!saved)
    log_.write(LogLevel::kError, saved.error().text + "; --restore will not find engines");
}

}  // namespace trireme
