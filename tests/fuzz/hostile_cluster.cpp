#include "tests/fuzz/hostile_cluster.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "db/store_question.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace trireme::fuzz {
namespace {

using std::chrono::milliseconds;

constexpr std::array kEngineNames{"e1", "e2"};
constexpr int kChannels = static_cast<int>(kChannelCount);

ControllerCore::Options small_options() {
  ControllerCore::Options options;
  options.hub.heart.period = milliseconds(1000);
  options.hub.heart.misses_max = 3;
  options.hub.registry.registration_timeout = std::chrono::seconds(30);
  return options;
}

bool is_said_by_an_engine(Channel channel) {
  return channel == Channel::kMuxEngines || channel == Channel::kTaskEngines ||
         channel == Channel::kControlEngines || channel == Channel::kBroadcastEngines;
}

// On these the first frame that leaves is the addressee.
bool is_addressed(Channel channel) {
  return channel != Channel::kNotification && channel != Channel::kIopubClients &&
         channel != Channel::kHeartPing;
}

Channel channel_of(const CapturedMessage& message) {
  const bool by_engine = message.from == "engine";
  if (message.channel == "mux") return by_engine ? Channel::kMuxEngines : Channel::kMuxClients;
  if (message.channel == "task") return by_engine ? Channel::kTaskEngines : Channel::kTaskClients;
  if (message.channel == "control") {
    return by_engine ? Channel::kControlEngines : Channel::kControlClients;
  }
  if (message.channel == "broadcast") {
    return by_engine ? Channel::kBroadcastEngines : Channel::kBroadcastClients;
  }
  return message.channel == "iopub" ? Channel::kIopubEngines : Channel::kQuery;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

// Names of the engines that speak in a file of captures, in a fixed order.
std::set<std::string> speaking_engines(const std::string& file) {
  std::set<std::string> names;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.file != file || message.from != "engine") continue;
    const Result<Header> header = parse_header(message.parts[0]);
    if (header) names.insert(header->session.str());
  }
  return names;
}

}  // namespace

HostileCluster::HostileCluster(Engines engines)
    : runner_(small_options(), store_), wire_(testing::make_test_wire()) {
  runner_.start(clock_.now());
  settle();
  if (engines == Engines::kNone) return;
  for (const char* name : kEngineNames) join(name);
  pass(milliseconds(1500));
}

void HostileCluster::join(const std::string& uuid) {
  testing::WirePeer engine(uuid);
  Message message =
      engine.request("registration_request", R"({"uuid": ")" + uuid + "\"}", clock_.now());
  message.identities = {Frame(uuid)};
  runner_.receive(Channel::kQuery, engine.encode(message), clock_.now());
  settle();
}

std::vector<std::string> HostileCluster::event_of(const CapturedMessage& message) {
  const Channel channel = channel_of(message);
  std::string place(1, static_cast<char>(channel));
  if (is_said_by_an_engine(channel)) {
    const Result<Header> header = parse_header(message.parts[0]);
    place += header ? header->session.str() : "e1";
  } else if (!message.identities.empty()) {
    place += message.identities.front();
  }
  std::vector<std::string> event{place};
  event.insert(event.end(), message.parts.begin(), message.parts.end());
  event.push_back(message.buffers.empty() ? "" : message.buffers.front().substr(0, 200));
  std::size_t number = 0;
  for (const std::string& engine : speaking_engines(message.file)) {
    if (number == kEngineNames.size()) break;
    for (std::string& frame : event) replace_all(frame, engine, kEngineNames[number]);
    ++number;
  }
  return event;
}

bool HostileCluster::play(const std::vector<std::string>& event) {
  if (event.size() < 2 || event[0].empty()) return false;
  const unsigned char kind = static_cast<unsigned char>(event[0][0]) & 15;
  const std::string name = event[0].substr(1);
  if (kind == kTimePasses) {
    pass(milliseconds(event[1].size() * 100));
    return false;
  }
  if (kind == kHeartsBeat) {
    hearts_beat_ = !hearts_beat_;
    return false;
  }
  const auto channel = static_cast<Channel>(kind % kChannels);
  if (channel == Channel::kHeartPong) {
    runner_.receive(channel, {Frame(name), Frame(event[1])}, clock_.now());
    return settle();
  }
  Frames frames;
  if (channel == Channel::kIopubEngines) {
    frames = {Frame(name)};
  } else if (is_said_by_an_engine(channel)) {
    frames = {Frame(name), Frame::copy_of("client")};
  } else if (channel == Channel::kMuxClients || channel == Channel::kControlClients) {
    frames = {Frame::copy_of("client"), Frame(name)};
  } else {
    frames = {Frame(name.empty() ? std::string("client") : name)};
  }
  std::array<std::string, 4> parts;
  for (std::size_t i = 0; i < parts.size() && i + 1 < event.size(); ++i) parts[i] = event[i + 1];
  frames.push_back(Frame::copy_of(kDelimiter));
  frames.emplace_back(wire_.signer().sign({parts[0], parts[1], parts[2], parts[3]}));
  for (std::string& part : parts) frames.emplace_back(std::move(part));
  if (event.size() > 5 && !event[5].empty()) frames.emplace_back(event[5]);
  runner_.receive(channel, std::move(frames), clock_.now());
  return settle();
}

bool HostileCluster::restore(std::string_view engines_file) {
  const bool is_restored = runner_.restore(engines_file, clock_.now()).has_value();
  pass(milliseconds(5000));
  check();
  return is_restored;
}

void HostileCluster::pass(milliseconds time) {
  const Instant end = clock_.now().instant + time;
  for (int steps = 0; steps < 1000; ++steps) {
    const auto due = runner_.core().next_deadline();
    if (!due || *due > end) break;
    clock_.advance_to(*due);
    runner_.wake(clock_.now());
    settle();
  }
  clock_.advance_to(end);
}

bool HostileCluster::settle() {
  bool was_anything = false;
  for (int rounds = 0; rounds < 100; ++rounds) {
    std::vector<testing::SentFrames> sent = runner_.take_sent();
    if (sent.empty() && runner_.questions.empty()) return was_anything;
    for (testing::SentFrames& message : sent) {
      if (message.channel == Channel::kHeartPing) {
        ping_ = message.frames.front().to_string();
        if (!hearts_beat_) continue;
        for (const char* name : kEngineNames) {
          runner_.receive(Channel::kHeartPong, {Frame::copy_of(name), Frame(ping_)}, clock_.now());
        }
        continue;
      }
      was_anything = true;
      if (is_addressed(message.channel)) message.frames.erase(message.frames.begin());
      // What a relay passes on untouched may be anything inside.
      if (!wire_.verify(message.frames)) ++unreadable_;
    }
    while (!runner_.questions.empty()) {
      const StoreQuestion question = std::move(runner_.questions.front());
      runner_.questions.pop_front();
      runner_.answer(answer(store_, question), clock_.now());
    }
  }
  fail_fuzzing("a conversation ends");
}

void HostileCluster::check() {
  runner_.core().check_invariants();
  store_.check_invariants();
  demand(unreadable_ == 0, "everything the controller says is signed");
  demand(!runner_.core().describe().empty(), "the core can describe itself");
}

}  // namespace trireme::fuzz
