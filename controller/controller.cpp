// The loop: what comes in goes to the core, what the core wants is carried out.
#include "controller/controller.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "controller/program/start_up.hpp"
#include "controller/records/heap.hpp"

namespace trireme {
namespace {

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
constexpr std::chrono::microseconds kUnreadPauseMin{100};
// The hub and the scheduler count their questions to the store up from numbers far below this.
constexpr std::uint64_t kGateToken = ~0ULL;

}  // namespace

void Controller::watch_channels() {
  // Pongs first: nobody is to be called silent while his answer waits to be read.
  static constexpr Channel kReceiving[] = {
      Channel::kHeartPong,    Channel::kQuery,           Channel::kTaskEngines,
      Channel::kMuxEngines,   Channel::kControlEngines,  Channel::kBroadcastEngines,
      Channel::kIopubEngines, Channel::kControlClients,  Channel::kTaskClients,
      Channel::kMuxClients,   Channel::kBroadcastClients};
  for (const Channel channel : kReceiving) watch(channel);
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
  while (socket.receive(frames)) take_in(Channel::kHeartPong, std::move(frames));
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
  for (Now now = clock_.now(); !end_ || now.instant < *end_;) {
    loop_.wait(next_deadline(now.instant));
    now = clock_.now();  // once for a turn: a turn is short, and there are many
    core_->on_deadline(now, outbox_);
    flush();
    if (std::exchange(outbox_.engines_changed, false)) publish_engines();
    retry_mail(now.instant);
    retry_unread(now.instant);
    offer_parked(now.instant);
    owed_.settle(now.instant);
    hand_over_records();
    pace_clients();
    if (keeper_->has_freed_much()) give_heap_back();
  }
  loop_.unwatch_fd(signals.fd());
  if (files_are_ours_) {
    core_->abandon_tasks(clock_.now(), outbox_);
    hand_over_records();
  }
  remove_files();
  keeper_->stop();
  owed_.clear();
  lock_.mark_ended();
  log_.write(LogLevel::kInfo, "stopped");
}

/// When something is to be done that no message asks for.
std::optional<Instant> Controller::next_deadline(Instant now) {
  std::optional<Instant> due = core_->next_deadline();
  const auto consider = [&due](Instant other) {
    if (!due || other < *due) due = other;
  };
  if (end_) consider(*end_);
  if (clients_wait_) consider(now + kPause);
  if (!mail_.empty()) consider(next_retry_);
  if (!unread_.empty()) consider(next_unread_retry_);
  offers_.note(core_->routes().parked_count(), now);
  if (offers_.next()) consider(*offers_.next());
  return due;
}

void Controller::receive(Channel channel) {
  Socket& socket = endpoints_->socket(channel);
  Frames frames;
  const auto census = endpoints_->censuses.find(channel);
  for (int count = 0; count < kBatchMax && socket.receive(frames); ++count) {
    if (census != endpoints_->censuses.end() && census->second.take(frames)) continue;
    take_in(channel, std::move(frames));
  }
}

void Controller::take_in(Channel channel, Frames frames) {
  if (channel == Channel::kHeartPong && !frames.empty()) {
    note_heart(frames.front().view(), endpoints_->socket(channel).last_source());
  }
  core_->on_frames(channel, std::move(frames), clock_.now(), outbox_);
  flush();
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
  if (!outbox_.owed.empty()) owed_.add(outbox_.owed);
  outbox_.owed.clear();
  if (!outbox_.delivered.empty()) owed_.sent(outbox_.delivered, clock_.now().instant);
  outbox_.delivered.clear();
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
    gate_asked_at_ = clock_.now().timestamp;
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
  lock_.note_sent_until(gate_asked_at_);
}

void Controller::send(Channel channel, Frames frames) {
  if (is_held_back(channel)) return gate_.hold({channel, std::move(frames)});
  if (outbox_.engines_changed &&
      (channel == Channel::kNotification || channel == Channel::kQuery)) {
    return news_.push_back({channel, std::move(frames)});
  }
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
  // NOLINTNEXTLINE(bugprone-use-after-move): a message that is refused is not moved from
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

void Controller::retry_mail(Instant now) {
  if (mail_.empty() || now < next_retry_) return;
  next_retry_ = now + kRetryPause;
  mail_.retry([this](Channel channel, Frames& frames) { return try_to_send(channel, frames); });
}

/// Who reads again gets what waits; nobody reading costs less and less attention.
void Controller::retry_unread(Instant now) {
  if (unread_.empty() || now < next_unread_retry_) return;
  const bool was_sent = unread_.retry(
      [this](Channel channel, Frames& frames) { return try_to_send(channel, frames); });
  unread_pause_ = was_sent ? kUnreadPauseMin
                           : std::min<std::chrono::microseconds>(2 * unread_pause_, kRetryPause);
  next_unread_retry_ = now + unread_pause_;
  flush();
}

/// Clients that wait in silence are found by trying the connections that came in and said nothing.
void Controller::offer_parked(Instant now) {
  if (!offers_.take(now)) return;
  for (auto& [channel, census] : endpoints_->censuses) {
    for (const RoutingId& connection : census.connections()) {
      for (ClientRoutes::Reply& offer : core_->offers_for(channel, connection)) {
        if (!endpoints_->socket(channel).send(std::move(offer.frames))) break;  // it is gone again
        outbox_.delivered.push_back(std::move(offer.request));
        // A client that has it already stumbles over it and needs a moment to get up.
        if (offer.is_doubtful) offers_.again(now);
      }
    }
    if (const Result<void> probed = census.probe(); !probed) {
      log_.write(LogLevel::kDebug, "cannot look for silent clients: " + probed.error().text);
    }
  }
  flush();
}

// Once for all engines that came or went in this turn: the list of a thousand is long. Nobody
// hears of an engine before it is on the list: who is told must find it there after a crash.
void Controller::publish_engines() {
  save_engines();
  std::vector<OutgoingFrames> news;
  news.swap(news_);
  for (OutgoingFrames& item : news) deliver(item.channel, std::move(item.frames));
}

void Controller::save_engines() {
  const Result<void> saved =
      write_file_atomically(engines_file(profile_), core_->engines_json(), 0600);
  if (!saved)
    log_.write(LogLevel::kError, saved.error().text + "; --restore will not find engines");
}

}  // namespace trireme
