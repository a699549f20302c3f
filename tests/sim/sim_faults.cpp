// What goes wrong in a simulated cluster, and how it is healed.
#include <algorithm>
#include <utility>

#include "session/wire.hpp"
#include "tests/sim/sim_cluster.hpp"

namespace trireme::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kEnginesMax = 40;
constexpr std::size_t kClientsMax = 12;

}  // namespace

void SimCluster::plan_faults() {
  for (std::size_t count = 0; count < schedule_.faults; ++count) {
    timeline_.after(dice_.between(0ms, schedule_.faults_for), [this] { do_fault(); });
  }
  // The usual extras come on top.
  for (std::size_t count = 0; schedule_.has_stalls && count < 3; ++count) {
    timeline_.after(dice_.between(0ms, schedule_.faults_for), [this] { stall(); });
  }
  for (std::size_t count = 0; schedule_.has_hostile && count < 20; ++count) {
    timeline_.after(dice_.between(0ms, schedule_.faults_for), [this] { send_nonsense(); });
  }
  for (std::size_t count = 0; schedule_.store_fails && count < 3; ++count) {
    timeline_.after(dice_.between(0ms, schedule_.faults_for), [this] {
      store_is_down_ = true;
      timeline_.after(dice_.between(1ms, 2s), [this] { store_is_down_ = false; });
    });
  }
}

void SimCluster::do_fault() {
  switch (dice_.below(8)) {
    case 0:
    case 1:
      return kill_engine(/*comes_back=*/false);
    case 2:
      return kill_engine(/*comes_back=*/true);
    case 3:
    case 4:
      return freeze_engine();
    case 5:
    case 6:
      return start_new_engine();
    default:
      return replace_client();
  }
}

void SimCluster::start_engine(const std::string& uuid, SimEngine::Nature nature) {
  engines_.push_back(std::make_unique<SimEngine>(world_, dice_.fork(), uuid, nature));
  SimEngine* engine = engines_.back().get();
  timeline_.after(dice_.between(0ms, 200ms), [engine] { engine->start(); });
}

void SimCluster::start_new_engine() {
  if (engines_.size() >= kEnginesMax) return;
  SimEngine::Nature nature;
  nature.has_watcher = dice_.chance(60);
  start_engine("engine" + std::to_string(++names_given_), nature);
}

SimEngine* SimCluster::some_engine() {
  std::vector<SimEngine*> up;
  for (const auto& engine : engines_) {
    if (engine->is_up()) up.push_back(engine.get());
  }
  return up.empty() ? nullptr : dice_.pick(up);
}

void SimCluster::kill_engine(bool comes_back) {
  SimEngine* engine = some_engine();
  if (engine == nullptr) return;
  engine->kill();
  if (engine->nature().has_watcher && engine->id()) {
    watchers_.push_back(
        std::make_unique<Watcher>("watcher" + std::to_string(++names_given_), world_.key));
    Watcher& watcher = *watchers_.back();
    watcher.peer = network_.add(watcher);
    network_.connect(watcher.peer, Channel::kQuery, watcher.voice.session(),
                     dice_.between(0ms, 50ms));
    const Message report =
        watcher.voice.request("unregistration_request",
                              "{\"id\": " + std::to_string(*engine->id()) + "}", timeline_.now());
    network_.send(watcher.peer, Channel::kQuery, watcher.voice.encode(report));
  }
  if (!comes_back) return;
  timeline_.after(dice_.between(50ms, 9s),
                  [this, uuid = engine->uuid(), nature = engine->nature()] {
                    if (engines_.size() < kEnginesMax) start_engine(uuid, nature);
                  });
}

void SimCluster::freeze_engine() {
  SimEngine* engine = some_engine();
  if (engine == nullptr) return;
  // Short, or long enough to be given up, with its tasks, and to come back with late results.
  engine->freeze(dice_.chance(50) ? dice_.between(10ms, 3s) : dice_.between(8s, 20s));
}

/// The controller's process does not run for a while (a busy machine, a slow disk).
void SimCluster::stall() {
  if (timeline_.instant() < stalled_until_) return;
  stalled_until_ = timeline_.instant() + dice_.between(1ms, 2500ms);
  timeline_.at(stalled_until_, [this] {
    take_inbox();
    wake();
  });
}

void SimCluster::start_client() {
  clients_.push_back(std::make_unique<SimClient>(world_, schedule_, dice_.fork(),
                                                 "client" + std::to_string(++names_given_)));
  SimClient* client = clients_.back().get();
  timeline_.after(dice_.between(0ms, 300ms), [client] { client->start(); });
}

void SimCluster::replace_client() {
  if (clients_.size() >= kClientsMax) return;
  SimClient* client = dice_.pick(clients_).get();
  if (client->is_up()) client->die();
  start_client();
}

/// Somebody without the key spoils or repeats what was overheard: nothing may come of it.
void SimCluster::send_nonsense() {
  if (overheard_.empty()) return;
  auto [channel, frames] = dice_.pick(overheard_);
  const Result<Envelope> envelope = find_envelope(frames);
  if (!envelope) return;
  const bool is_repeated = schedule_.is_signed && channel == Channel::kQuery && dice_.chance(50);
  if (is_repeated) {
    // Taken as it is: the hub takes no message twice.
  } else if (schedule_.is_signed && dice_.chance(70)) {
    Frame& victim = frames[envelope->signature() + dice_.below(5)];
    std::string bytes = victim.to_string();
    bytes[dice_.below(bytes.size())] ^= static_cast<char>(1 + dice_.below(255));
    victim = Frame(std::move(bytes));
  } else {
    frames.resize(dice_.below(envelope->buffers()));
  }
  trace('!', channel, frames);
  runner_.receive(channel, std::move(frames), timeline_.now());
  const std::vector<testing::SentFrames> sent = runner_.take_sent();
  if (!sent.empty()) findings_.add("nonsense makes the controller speak");
  after_core();
}

void SimCluster::heal() {
  store_is_down_ = false;
  for (const auto& engine : engines_) engine->thaw();
  for (const auto& client : clients_) client->calm_down();
  SimEngine::Nature eager;
  eager.refuses = false;
  eager.hurry = 50ms;
  start_engine("fresh1", eager);
  start_engine("fresh2", eager);
  timeline_.after(30s, [this] {
    for (const auto& client : clients_) client->rest();
  });
}

}  // namespace trireme::sim
