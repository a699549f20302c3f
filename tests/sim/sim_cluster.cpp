// The loop around the core, as the program has it, and the end of a run.
#include "tests/sim/sim_cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "session/wire.hpp"
#include "tests/sim/json_probe.hpp"

namespace trireme::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kCheckEverySteps = 16;
constexpr int kIdleWakesMax = 3;
constexpr std::chrono::nanoseconds kDrainMax = 600s;
constexpr std::size_t kOverheardMax = 16;
constexpr std::chrono::nanoseconds kNewsTravelsFor = 2s;

ControllerCore::Options core_options(const Schedule& schedule) {
  ControllerCore::Options options;
  options.hub.heart.period = 1000ms;
  options.hub.heart.misses_max = 3;
  options.hub.registry.registration_timeout = 10s;
  options.scheduler.scheme = schedule.scheme;
  options.scheduler.hwm = schedule.hwm;
  options.scheduler.outcomes_remembered = schedule.outcomes_remembered;
  return options;
}

Rules rules_of(const Schedule& schedule) {
  return {schedule.hwm, schedule.scheme == Scheme::kPure, SchedulerOptions().engine_grace,
          schedule.store_fails};
}

/// Everything is kept: what is missing in the end was lost.
MemoryStoreLimits no_limits() { return {1'000'000, std::uint64_t{1} << 40, 0.1}; }

std::string key_of(const Schedule& schedule) {
  return schedule.is_signed ? std::string(testing::kTestKey) : "";
}

void mix(std::uint64_t& hash, std::string_view bytes) {
  for (const char byte : bytes) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
}

}  // namespace

SimCluster::SimCluster(const Schedule& schedule, bool is_verbose)
    : schedule_(schedule),
      is_verbose_(is_verbose),
      dice_(schedule.seed),
      store_(no_limits()),
      runner_(core_options(schedule), store_, schedule.seed, key_of(schedule)),
      network_(timeline_, dice_.fork(), schedule.delay_max,
               [this](Channel channel, Frames frames) { receive(channel, std::move(frames)); }),
      book_(rules_of(schedule), findings_),
      world_{timeline_, network_, book_, findings_, key_of(schedule)} {}

void SimCluster::run() {
  runner_.start(timeline_.now());
  after_core();
  for (std::size_t count = 0; count < schedule_.engines; ++count) start_new_engine();
  for (std::size_t count = 0; count < schedule_.clients; ++count) start_client();
  plan_faults();
  if (!run_until(timeline_.instant() + schedule_.faults_for)) return;
  heal();
  const Instant limit = timeline_.instant() + kDrainMax;
  // Quiet twice in a row: something of a dead client may still have been on its way.
  for (int quiet_times = 0; quiet_times < 2; quiet_times = is_quiet() ? quiet_times + 1 : 0) {
    if (timeline_.instant() > limit) {
      findings_.add("the work does not drain:\n" + runner_.core().describe() + "\n" +
                    book_.open_text());
      for (const auto& client : clients_) findings_.add(client->open_text());
      return;
    }
    if (!run_until(timeline_.instant() + kNewsTravelsFor)) return;
  }
  check_end();
}

/// False when something was found wrong on the way.
bool SimCluster::run_until(Instant end) {
  while (timeline_.instant() < end && findings_.empty()) {
    if (!timeline_.step()) {
      findings_.add("nothing is planned any more: the controller's heart stands still");
    }
    if (++steps_ % kCheckEverySteps == 0) runner_.core().check_invariants();
  }
  return findings_.empty();
}

void SimCluster::receive(Channel channel, Frames frames) {
  if (timeline_.instant() < stalled_until_) {
    inbox_.emplace_back(channel, std::move(frames));
  } else {
    hand_to_core(channel, std::move(frames));
  }
}

/// After a stall; pongs first, as the program reads them.
void SimCluster::take_inbox() {
  std::stable_partition(inbox_.begin(), inbox_.end(),
                        [](const auto& item) { return item.first == Channel::kHeartPong; });
  while (!inbox_.empty()) {
    auto [channel, frames] = std::move(inbox_.front());
    inbox_.pop_front();
    hand_to_core(channel, std::move(frames));
  }
}

void SimCluster::hand_to_core(Channel channel, Frames frames) {
  trace('<', channel, frames);
  watch_incoming(channel, frames);
  if (schedule_.has_hostile && channel != Channel::kHeartPong) {
    overheard_.emplace_back(channel, frames);
    if (overheard_.size() > kOverheardMax) overheard_.pop_front();
  }
  runner_.receive(channel, std::move(frames), timeline_.now());
  after_core();
  if (schedule_.wakes_after_each) wake();
}

void SimCluster::after_core() {
  for (testing::SentFrames& sent : runner_.take_sent()) {
    trace('>', sent.channel, sent.frames);
    watch_outgoing(sent.channel, sent.frames);
    network_.deliver(sent.channel, std::move(sent.frames));
  }
  runner_.log_lines.clear();
  answer_questions();
  plan_wake();
}

void SimCluster::answer_questions() {
  while (!runner_.questions.empty()) {
    const StoreQuestion question = std::move(runner_.questions.front());
    runner_.questions.pop_front();
    const auto ask = [this, question] {
      if (store_is_down_) return StoreAnswer{question.token, Error{ErrorCode::kIo, "disk full"}};
      return trireme::answer(store_, question);
    };
    std::optional<StoreAnswer> ready;
    if (!schedule_.store_sees_the_future) ready = ask();
    last_answer_ = std::max(
        last_answer_, timeline_.instant() + dice_.mostly_short(1us, schedule_.store_delay_max));
    ++answers_open_;
    timeline_.at(last_answer_, [this, ask, ready = std::move(ready)] {
      --answers_open_;
      runner_.answer(ready ? *ready : ask(), timeline_.now());
      after_core();
    });
  }
}

void SimCluster::plan_wake() {
  const std::optional<Instant> due = runner_.core().next_deadline();
  if (!due || (wake_at_ && *wake_at_ <= *due)) return;
  wake_at_ = std::max(*due, timeline_.instant());
  timeline_.at(*wake_at_, [this, planned = *wake_at_] {
    if (wake_at_ != planned) return;  // it was woken earlier
    wake_at_.reset();
    wake();
  });
}

void SimCluster::wake() {
  if (timeline_.instant() < stalled_until_) return;  // the end of the stall wakes it
  runner_.wake(timeline_.now());
  after_core();
  const std::optional<Instant> due = runner_.core().next_deadline();
  idle_wakes_ = due && *due <= timeline_.instant() ? idle_wakes_ + 1 : 0;
  if (idle_wakes_ > kIdleWakesMax) findings_.add("the controller spins: its deadline stays due");
}

void SimCluster::watch_incoming(Channel channel, const Frames& frames) {
  if (channel != Channel::kTaskClients && channel != Channel::kTaskEngines) return;
  const Result<Envelope> envelope = find_envelope(frames);
  if (!envelope) return findings_.add("a peer sends what is no message");
  const bool is_request = channel == Channel::kTaskClients;
  const Result<Header> header =
      parse_header(frames[is_request ? envelope->header() : envelope->parent()].view());
  if (!header) return findings_.add("a peer sends a bad header");
  if (is_request) return book_.reaches_controller(header->msg_id, timeline_.instant());
  const std::string_view content = frames[envelope->content()].view();
  const auto terms = parse_reply_terms(frames[envelope->metadata()].view(), content);
  if (!terms) return findings_.add("an engine sends bad metadata");
  book_.replied(header->msg_id, EngineUuid(frames.front().view()), *terms, content,
                timeline_.instant());
}

void SimCluster::watch_outgoing(Channel channel, const Frames& frames) {
  const bool is_news = channel == Channel::kNotification;
  if (!is_news && channel != Channel::kTaskClients && channel != Channel::kTaskEngines) return;
  const Result<Envelope> envelope = find_envelope(frames);
  if (!envelope) return findings_.add("the controller sends what is no message");
  const bool is_reply = channel == Channel::kTaskClients;
  const Result<Header> header =
      parse_header(frames[is_reply ? envelope->parent() : envelope->header()].view());
  if (!header) return findings_.add("the controller sends a bad header");
  const std::string_view content = frames[envelope->content()].view();
  if (is_news) {
    last_news_ = timeline_.instant();
    const auto uuid = text_at(content, "uuid");
    if (!uuid) return findings_.add("the controller announces nobody");
    const bool has_joined = header->msg_type == "registration_notification";
    return has_joined ? book_.engine_joined(EngineUuid(*uuid), timeline_.instant())
                      : book_.engine_left(EngineUuid(*uuid), timeline_.instant());
  }
  if (channel == Channel::kTaskEngines) {
    return book_.assigned(header->msg_id, EngineUuid(frames.front().view()), timeline_.instant());
  }
  std::optional<EngineUuid> engine;
  if (envelope->delimiter > 1) engine = EngineUuid(frames[1].view());
  book_.answered(header->msg_id, engine, content, timeline_.instant());
}

void SimCluster::trace(char direction, Channel channel, const Frames& frames) {
  ++message_count_;
  const auto since_start = timeline_.instant().time_since_epoch();
  mix(trace_hash_, std::to_string(since_start.count()) + direction);
  for (const Frame& frame : frames) mix(trace_hash_, frame.view());
  if (!is_verbose_ || channel == Channel::kHeartPing || channel == Channel::kHeartPong) return;
  std::string text;
  if (const auto envelope = find_envelope(frames)) {
    for (const std::size_t part : {envelope->header(), envelope->parent()}) {
      const Result<Header> header = parse_header(frames[part].view());
      if (header) text += " " + header->msg_type + " " + header->msg_id.str();
    }
    text += " " + frames[envelope->metadata()].to_string() + " " +
            frames[envelope->content()].to_string();
  }
  std::fprintf(stderr, "%12.6f %c %s%s %s%s\n", std::chrono::duration<double>(since_start).count(),
               direction, direction == '>' ? "to " : "from ",
               is_router(channel) && !frames.empty() ? frames.front().to_string().c_str() : "all",
               std::string(channel_name(channel)).c_str(), text.c_str());
}

/// Nobody waits for anything, and the controller has nothing on its mind.
bool SimCluster::is_quiet() const {
  if (answers_open_ > 0 || !inbox_.empty() || book_.open_count() > 0) return false;
  const ControllerCore& core = runner_.core();
  const auto& live = core.hub().engines().live();
  return core.scheduler().live_count() == 0 && core.hub().log().direct().size() == 0 &&
         core.open_look_ups() == 0 && core.broadcast().gathering_count() == 0 &&
         std::all_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return client->is_content(); }) &&
         std::all_of(live.begin(), live.end(), [this](const auto& entry) {
           return std::any_of(engines_.begin(), engines_.end(), [&](const auto& engine) {
             return engine->is_up() && engine->uuid() == entry.second.str();
           });
         });
}

void SimCluster::check_end() {
  const ControllerCore& core = runner_.core();
  core.check_invariants();
  store_.check_invariants();
  if (core.scheduler().running_count() != 0) findings_.add("an idle cluster runs tasks");
  if (core.describe().find("\"store_questions_open\": 0") == std::string::npos) {
    findings_.add("questions to the store are never forgotten: " + core.describe());
  }
  book_.check_records(store_);
  if (timeline_.instant() - last_news_ < kNewsTravelsFor) return;
  std::map<std::int64_t, std::string> live;
  for (const auto& [id, uuid] : core.hub().engines().live()) live.emplace(id.value(), uuid.str());
  for (const auto& client : clients_) {
    if (client->is_up() && client->known_engines() != live) {
      findings_.add("a client knows other engines than the hub");
    }
  }
}

}  // namespace trireme::sim
