#include "bench/load_run.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace trireme::bench {
namespace {

constexpr std::chrono::milliseconds kAskPeriod{20};
constexpr int kSocketsPerEngine = 6;

Instant clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

LoadRun::LoadRun(const LoadOptions& options)
    : options_(options),
      context_(static_cast<int>(std::min<std::size_t>(
          64 + options.clients + kSocketsPerEngine * (options.engines + 16), 60'000))),
      factory_(new_session_id(), "bench", "q") {}

Result<void> LoadRun::open() {
  const Result<ClientConnection> client =
      read_client_connection(options_.security_dir / "ipcontroller-client.json");
  if (!client) return client.error();
  Result<EngineConnection> engine =
      read_engine_connection(options_.security_dir / "ipcontroller-engine.json");
  if (!engine) return engine.error();
  Result<Signer> signer = Signer::create(client->key, client->signature_scheme);
  if (!signer) return signer.error();

  query_wire_.emplace(signer->clone(), *Packer::from_name("json"));
  SocketOptions socket_options;
  if (client->curve_serverkey) socket_options.curve_server_key = *client->curve_serverkey;
  Result<Socket> query = Socket::open(context_, SocketType::kDealer, socket_options);
  if (!query) return query.error();
  query_ = *std::move(query);
  if (auto connected = query_->connect(peer_url(*client, client->registration)); !connected) {
    return connected;
  }
  loop_.watch(*query_, [this] { read_engines(); });
  crew_ =
      std::make_unique<EngineCrew>(context_, loop_, options_, *std::move(engine), signer->clone());
  return open_clients(*client, *signer);
}

Result<void> LoadRun::open_clients(const ClientConnection& connection, const Signer& signer) {
  for (std::size_t i = 0; i < options_.clients; ++i) {
    auto client = LoadClient::connect(context_, loop_, options_, connection, signer.clone());
    if (!client) return client.error();
    clients_.push_back(*std::move(client));
  }
  return {};
}

Result<LoadFigures> LoadRun::run(SignalWatch& signals) {
  loop_.watch_fd(signals.fd(), [&] { stopped_ = signals.take().has_value() || stopped_; });
  if (Result<void> opened = open(); !opened) return opened.error();
  Result<LoadFigures> figures = work();
  crew_->leave();
  return figures;
}

Result<LoadFigures> LoadRun::work() {
  LoadFigures figures;
  if (Result<void> known = await_engines(figures); !known) return known.error();
  if (options_.churn.count() > 0) next_churn_ = clock_now() + options_.churn;
  if (clients_.empty()) {
    while (!stopped_) turn(clock_now() + std::chrono::seconds(1));
    return figures;
  }
  if (options_.warm_up_tasks > 0) {
    const auto warm = do_round(options_.warm_up_tasks, LoadShape::kIndependent, false);
    if (!warm) return warm.error();
  }
  if (Result<void> done = do_round(options_.tasks, options_.shape, options_.gate); !done) {
    return done.error();
  }
  Instant first = Instant::max();
  Instant last = Instant::min();
  for (const auto& client : clients_) {
    first = std::min(first, client->first_sent());
    last = std::max(last, client->last_answered());
    client->report(figures);
  }
  figures.elapsed = last - first;
  return figures;
}

Result<void> LoadRun::await_engines(LoadFigures& figures) {
  const Instant start = clock_now();
  if (Result<void> started = crew_->start(options_.engines); !started) return started;
  const std::size_t wanted = std::max<std::size_t>(options_.engines, 1);
  Instant next_question = start;
  while (engines_.size() < wanted) {
    if (stopped_) return Error{ErrorCode::kClosed, "stopped by a signal"};
    if (clock_now() > start + options_.patience) {
      return Error{ErrorCode::kTimeout, "only " + std::to_string(engines_.size()) + " of " +
                                            std::to_string(wanted) +
                                            " engines are known to the hub in time"};
    }
    if (clock_now() >= next_question) {
      ask_for_engines();
      next_question = clock_now() + kAskPeriod;
    }
    turn(next_question);
  }
  figures.registration = clock_now() - start;
  figures.engines_known = engines_.size();
  return {};
}

void LoadRun::ask_for_engines() {
  const Message request =
      factory_.make(MessageType::kConnectionRequest, "{}", SystemClock().now().timestamp);
  // A question that is lost is asked again.
  [[maybe_unused]] const auto sent = query_->send(query_wire_->encode(request));
}

void LoadRun::read_engines() {
  Frames frames;
  while (query_->receive(frames)) {
    const Result<Message> reply = query_wire_->decode(frames, Wire::Replays::kAllow);
    if (!reply) continue;
    const auto content = nlohmann::json::parse(reply->content_json.view(), nullptr, false);
    if (!content.is_object() || !content.contains("engines")) continue;
    engines_.clear();
    for (const auto& [id, uuid] : content["engines"].items()) {
      if (uuid.is_string()) engines_.push_back({std::stoi(id), uuid.get<std::string>()});
    }
  }
}

Result<void> LoadRun::do_round(std::uint64_t tasks, LoadShape shape, bool with_gate) {
  if (with_gate) crew_->close_gate();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const std::uint64_t share = tasks / clients_.size() + (i < tasks % clients_.size() ? 1 : 0);
    clients_[i]->begin(share, shape, engines_);
  }
  bool gate_is_closed = with_gate;
  std::uint64_t answered_before = 0;
  Instant last_progress = clock_now();
  while (!all_clients(&LoadClient::is_done)) {
    if (stopped_) return Error{ErrorCode::kClosed, "stopped by a signal"};
    for (const auto& client : clients_) client->pump();
    if (gate_is_closed && all_clients(&LoadClient::has_sent_all)) {
      crew_->open_gate();
      gate_is_closed = false;
    }
    const bool more = std::any_of(clients_.begin(), clients_.end(),
                                  [](const auto& client) { return client->may_send(); });
    const Instant now = clock_now();
    if (answered() != answered_before || more) last_progress = now;
    answered_before = answered();
    if (now > last_progress + options_.patience) break;  // the rest is lost
    turn(more ? now : now + std::chrono::seconds(1));
  }
  return {};
}

void LoadRun::turn(Instant until) {
  if (next_churn_) until = std::min(until, *next_churn_);
  loop_.wait(until);
  if (!next_churn_) return;
  const Instant now = clock_now();
  crew_->bury(now);
  if (now < *next_churn_) return;
  *next_churn_ += options_.churn;
  if (const Result<void> replaced = crew_->replace_one(now); !replaced) {
    std::fprintf(stderr, "load-generator: %s\n", replaced.error().text.c_str());
  }
}

bool LoadRun::all_clients(bool (LoadClient::*is_so)() const) const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [&](const auto& client) { return (client.get()->*is_so)(); });
}

std::uint64_t LoadRun::answered() const {
  std::uint64_t sum = 0;
  for (const auto& client : clients_) sum += client->answered();
  return sum;
}

}  // namespace trireme::bench
