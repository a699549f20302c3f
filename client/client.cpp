#include <trireme/client.hpp>

#include "client/client_state.hpp"
#include "client/hub_answers.hpp"
#include "session/message_type.hpp"

namespace trireme {
namespace {

/// How long engines may take to end after they were asked to.
constexpr std::chrono::seconds kShutdownLimit{30};

Value target_value(const Targets& targets) {
  if (targets.is_all()) return nullptr;
  List ids;
  for (const int id : targets.ids()) ids.emplace_back(id);
  return ids;
}

List text_list(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

ClientState& checked(const std::shared_ptr<ClientState>& state) {
  if (state == nullptr) throw ConnectionError("this client was moved away");
  return *state;
}

}  // namespace

Client::Client(const ClientOptions& options) : state_(ClientState::connect(options)) {}
Client::~Client() {
  if (state_ != nullptr) close();
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  if (state_ != nullptr) close();
  state_ = std::move(other.state_);
  return *this;
}

void Client::close() { checked(state_).close("the client was closed"); }
bool Client::closed() const { return state_ == nullptr || state_->closed(); }
std::string Client::session() const { return checked(state_).session().str(); }

std::vector<int> Client::ids() const {
  std::vector<int> ids;
  for (const EngineInfo& engine : engines()) ids.push_back(engine.id);
  return ids;
}
std::vector<EngineInfo> Client::engines() const { return checked(state_).engines(); }
bool Client::wait_for_engines(std::size_t count, std::chrono::milliseconds limit) const {
  return checked(state_).wait_for_engines(count, limit);
}

EngineView Client::engine(int id) const {
  checked(state_).resolve(id);
  return EngineView(state_, id);
}
DirectView Client::direct_view(Targets targets) const {
  if (!targets.is_all()) checked(state_).resolve(targets);
  return DirectView(state_, std::move(targets), DirectView::Route::kDirect);
}
LoadBalancedView Client::load_balanced_view(std::vector<int> targets) const {
  if (!targets.empty()) checked(state_).resolve(targets);
  return LoadBalancedView(state_).targets(std::move(targets));
}
BroadcastView Client::broadcast_view(Targets targets, bool coalescing) const {
  if (!targets.is_all()) checked(state_).resolve(targets);
  return BroadcastView(
      state_, std::move(targets),
      coalescing ? BroadcastView::Route::kCoalescing : BroadcastView::Route::kBroadcast);
}

std::size_t Client::outstanding() const { return checked(state_).work().pending(); }
bool Client::wait(std::chrono::milliseconds limit) const {
  return checked(state_).work().wait(limit);
}
void Client::abort(const std::vector<std::string>& msg_ids) const {
  if (!msg_ids.empty()) checked(state_).abort_tasks(msg_ids);
}
void Client::abort_all() const { checked(state_).abort_all(); }
void Client::interrupt(const Targets& targets) const {
  ClientState& state = checked(state_);
  state.control(state.resolve(targets), wire_name(MessageType::kSignalRequest),
                Dict{{"sig", "SIGINT"}}, false);
}

Value Client::hub_request(std::string_view msg_type, const Dict& content) const {
  return checked(state_).ask_hub(msg_type, content).at("content");
}

QueueStatus Client::queue_status(const Targets& targets) const {
  return read_queue_status(
      hub_request(wire_name(MessageType::kQueueRequest),
                  Dict{{"targets", target_value(targets)}, {"verbose", false}}));
}
QueueStatusIds Client::queue_status_ids(const Targets& targets) const {
  return read_queue_status_ids(
      hub_request(wire_name(MessageType::kQueueRequest),
                  Dict{{"targets", target_value(targets)}, {"verbose", true}}));
}
ResultStatus Client::result_status(const std::vector<std::string>& msg_ids) const {
  const Value content = hub_request(wire_name(MessageType::kResultRequest),
                                    Dict{{"msg_ids", text_list(msg_ids)}, {"status_only", true}});
  return {read_texts(content, "pending"), read_texts(content, "completed")};
}
AsyncCall Client::watch(const std::vector<std::string>& msg_ids) const {
  return checked(state_).watch(msg_ids);
}
std::vector<Dict> Client::db_query(const Dict& query, const std::vector<std::string>& keys) const {
  const Value wanted = keys.empty() ? Value() : Value(text_list(keys));
  return read_records(checked(state_).ask_hub(wire_name(MessageType::kDbRequest),
                                              Dict{{"query", query}, {"keys", wanted}}));
}
std::vector<std::string> Client::hub_history() const {
  return read_texts(hub_request(wire_name(MessageType::kHistoryRequest), {}), "history");
}
void Client::purge_results(const std::vector<std::string>& msg_ids,
                           const std::vector<int>& engine_ids) const {
  hub_request(wire_name(MessageType::kPurgeRequest),
              Dict{{"msg_ids", text_list(msg_ids)},
                   {"engine_ids", List(engine_ids.begin(), engine_ids.end())}});
}
void Client::purge_everything() const {
  hub_request(wire_name(MessageType::kPurgeRequest),
              Dict{{"msg_ids", "all"}, {"engine_ids", List{}}});
}
std::map<std::string, std::string> Client::resubmit(const std::vector<std::string>& msg_ids) const {
  const Value content =
      hub_request(wire_name(MessageType::kResubmitRequest), Dict{{"msg_ids", text_list(msg_ids)}});
  return read_resubmitted(content);
}

void Client::shutdown(const Targets& targets) const {
  ClientState& state = checked(state_);
  const AsyncCall ended =
      state.control(state.resolve(targets), wire_name(MessageType::kShutdownRequest),
                    Dict{{"restart", false}}, true);
  if (!ended.wait_for(kShutdownLimit)) {
    throw TimeoutError(
        "some engines did not answer the request to end; they may be stuck in a "
        "task that cannot be interrupted");
  }
}
void Client::shutdown_cluster() const {
  if (!ids().empty()) shutdown({});
  try {
    hub_request(wire_name(MessageType::kShutdownRequest), {});
  } catch (const ConnectionError&) {
    // It went before its answer was read: that is what was wanted.
  }
}

}  // namespace trireme
