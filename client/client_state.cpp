#include "client/client_state.hpp"

#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include "client/request_text.hpp"
#include "session/connection_file.hpp"
#include "session/profile.hpp"

namespace trireme {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Pause between looks at a file that is not there yet or half written.
constexpr std::chrono::milliseconds kFilePause{20};

std::filesystem::path file_of(const ClientOptions& options) {
  if (!options.connection_file.empty()) return options.connection_file;
  return resolve_profile(
             {options.profile, options.profile_dir, options.ipython_dir, options.cluster_id})
      .client_file();
}

/// Reads the file as soon as it is there and whole. Its absence and bad format are retried: a
/// controller may be starting, and those of old write the file in place.
ClientConnection wait_for_connection(const std::filesystem::path& file, SteadyTime deadline) {
  while (true) {
    Result<ClientConnection> connection = read_client_connection(file);
    if (connection) return std::move(*connection);
    const ErrorCode code = connection.error().code;
    const bool may_change = code == ErrorCode::kNotFound || code == ErrorCode::kBadFormat;
    if (!may_change || std::chrono::steady_clock::now() + kFilePause > deadline) {
      throw ConnectionError(connection.error().text);
    }
    std::this_thread::sleep_for(kFilePause);
  }
}

std::string user_name() {
  const char* name = std::getenv("USER");
  return name != nullptr && *name != '\0' ? name : "username";
}

Timestamp wall_clock() { return SystemClock().now().timestamp; }

}  // namespace

std::shared_ptr<ClientState> ClientState::connect(const ClientOptions& options) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.timeout;
  const std::filesystem::path file = file_of(options);
  const ClientConnection connection = wait_for_connection(file, deadline);
  std::shared_ptr<ClientState> state(new ClientState(options));
  state->open(connection, file.string(), deadline);
  return state;
}

ClientState::ClientState(const ClientOptions& options)
    : options_(options), session_(new_session_id()), process_tag_(std::to_string(::getpid())) {}

ClientState::~ClientState() { close("the client was closed"); }

void ClientState::open(const ClientConnection& connection, const std::string& origin,
                       SteadyTime deadline) {
  Result<Signer> signer = Signer::create(connection.key, connection.signature_scheme);
  if (!signer) throw ConnectionError(origin + ": " + signer.error().text);
  Result<Packer> packer = Packer::from_name(connection.pack);
  if (!packer) throw ConnectionError(origin + ": " + packer.error().text);
  ClientCoreOptions core;
  core.username = user_name();
  core.process_tag = process_tag_ + "c";
  core.repeats_requests = options_.repeat_requests;
  ClientLoopListener& listener = *this;
  loop_ = std::make_unique<ClientLoop>(ClientCore(session_, std::move(core)),
                                       Wire(std::move(*signer), *packer), listener);
  if (const Result<void> started = loop_->start(connection); !started) {
    throw ConnectionError(origin + ": " + started.error().text);
  }
  std::unique_lock lock(mutex_);
  if (changed_.wait_until(lock, deadline, [&] { return connected_; })) return;
  lock.unlock();
  const std::string refused =
      loop_->refused() > 0 ? " (it answers, but with another key: the file is not its own)" : "";
  throw TimeoutError("no controller answers at " + peer_url(connection, connection.registration) +
                     refused + "; start one, or remove " + origin + " if it is left over");
}

void ClientState::close(const std::string& reason) {
  const std::lock_guard one_closer(close_mutex_);
  if (loop_ != nullptr) loop_->close(reason);
}

bool ClientState::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void ClientState::on_engines(const std::map<EngineId, EngineUuid>& engines) {
  const std::lock_guard lock(mutex_);
  engines_.clear();
  for (const auto& [id, uuid] : engines) engines_.emplace(id.value(), uuid.str());
  connected_ = true;
  changed_.notify_all();
}

void ClientState::on_closed(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  close_reason_ = reason;
  engines_.clear();
  changed_.notify_all();
}

std::vector<EngineInfo> ClientState::engines() const {
  const std::lock_guard lock(mutex_);
  std::vector<EngineInfo> all;
  for (const auto& [id, uuid] : engines_) all.push_back({id, uuid});
  return all;
}

bool ClientState::wait_for_engines(std::size_t count, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return closed_ || engines_.size() >= count; });
  if (closed_) throw ConnectionError(close_reason_);
  return engines_.size() >= count;
}

std::vector<EngineInfo> ClientState::resolve(const Targets& targets) const {
  const std::lock_guard lock(mutex_);
  if (closed_) throw ConnectionError(close_reason_);
  std::vector<EngineInfo> chosen;
  if (targets.is_all()) {
    for (const auto& [id, uuid] : engines_) chosen.push_back({id, uuid});
    if (chosen.empty()) throw NoSuchEngine("there are no engines; start some, or wait for them");
    return chosen;
  }
  for (const int id : targets.ids()) {
    const auto found = engines_.find(id);
    if (found == engines_.end()) {
      throw NoSuchEngine("there is no engine " + std::to_string(id) + " among the " +
                         std::to_string(engines_.size()) + " of the cluster");
    }
    chosen.push_back({id, found->second});
  }
  return chosen;
}

std::vector<EngineUuid> ClientState::uuids_of(const std::vector<int>& ids) const {
  std::vector<EngineUuid> uuids;
  if (ids.empty()) return uuids;
  for (EngineInfo& engine : resolve(ids)) uuids.emplace_back(std::move(engine.uuid));
  return uuids;
}

MsgId ClientState::next_msg_id() {
  return MsgId(session_.str() + "_" + process_tag_ + "_" +
               std::to_string(next_number_.fetch_add(1, std::memory_order_relaxed)));
}

std::shared_ptr<CallState> ClientState::make_call(CallPlan plan) {
  plan.submitted = wall_clock();
  return std::make_shared<CallState>(std::move(plan), weak_from_this());
}

void ClientState::post(ClientCommand command) {
  // Held while posting, so that nothing comes after the close command and is never answered.
  const std::lock_guard lock(mutex_);
  if (closed_) throw ConnectionError(close_reason_);
  loop_->post(std::move(command));
}

AsyncCall ClientState::call_direct(const std::vector<EngineInfo>& engines,
                                   std::vector<CallRequest> requests) {
  TRIREME_CHECK(requests.size() == 1 || requests.size() == engines.size(),
                "one request for all engines or one for each");
  CallPlan plan;
  plan.work = work_;
  plan.is_execute = requests.front().is_execute;
  std::vector<Submission> submissions;
  for (std::size_t i = 0; i < engines.size(); ++i) {
    const CallRequest& request = requests.size() == 1 ? requests.front() : requests[i];
    Submission submission;
    submission.channel = ClientChannel::kMux;
    submission.msg_id = next_msg_id();
    submission.msg_type = request.msg_type;
    submission.content = request.content;
    submission.buffers = request.buffers;
    submission.engines = {EngineUuid(engines[i].uuid)};
    submission.shows_output = true;
    submission.task.index = static_cast<std::uint32_t>(i);
    plan.tasks.push_back({submission.msg_id.str(), engines[i].uuid, engines[i].id, 1});
    submissions.push_back(std::move(submission));
  }
  return submit(std::move(plan), std::move(submissions));
}

AsyncCall ClientState::call_broadcast(const std::vector<EngineInfo>& engines, CallRequest request,
                                      bool is_coalescing) {
  Submission submission;
  submission.channel = ClientChannel::kBroadcast;
  submission.msg_id = next_msg_id();
  submission.msg_type = std::move(request.msg_type);
  submission.content = std::move(request.content);
  submission.metadata = Frame(broadcast_metadata_json(engines, is_coalescing));
  submission.buffers = std::move(request.buffers);
  submission.is_coalescing = is_coalescing;
  submission.shows_output = true;
  CallPlan plan;
  plan.work = work_;
  plan.is_execute = request.is_execute;
  for (const EngineInfo& engine : engines) {
    submission.engines.emplace_back(engine.uuid);
    plan.tasks.push_back({submission.msg_id.str() + "_" + engine.uuid, engine.uuid, engine.id, 1});
  }
  std::vector<Submission> submissions;
  submissions.push_back(std::move(submission));
  return submit(std::move(plan), std::move(submissions));
}

AsyncCall ClientState::call_balanced(const TaskOptions& options, std::vector<CallRequest> requests,
                                     const std::vector<std::size_t>& items) {
  const Frame metadata(task_metadata_json(options, uuids_of(options.targets)));
  CallPlan plan;
  plan.work = work_;
  plan.is_execute = !requests.empty() && requests.front().is_execute;
  std::vector<Submission> submissions;
  submissions.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Submission submission;
    submission.channel = ClientChannel::kTask;
    submission.msg_id = next_msg_id();
    submission.msg_type = std::move(requests[i].msg_type);
    submission.content = std::move(requests[i].content);
    submission.metadata = metadata;
    submission.buffers = std::move(requests[i].buffers);
    submission.shows_output = true;
    submission.task.index = static_cast<std::uint32_t>(i);
    plan.tasks.push_back({submission.msg_id.str(), "", -1, items.empty() ? 1 : items[i]});
    submissions.push_back(std::move(submission));
  }
  return submit(std::move(plan), std::move(submissions));
}

AsyncCall ClientState::control(const std::vector<EngineInfo>& engines, std::string_view msg_type,
                               const Dict& content, bool ends_engines) {
  CallPlan plan;
  std::vector<Submission> submissions;
  const Frame text(to_json(content));
  for (std::size_t i = 0; i < engines.size(); ++i) {
    Submission submission;
    submission.channel = ClientChannel::kControl;
    submission.msg_id = next_msg_id();
    submission.msg_type = msg_type;
    submission.content = text;
    submission.engines = {EngineUuid(engines[i].uuid)};
    submission.ends_with_its_engine = ends_engines;
    submission.task.index = static_cast<std::uint32_t>(i);
    plan.tasks.push_back({submission.msg_id.str(), engines[i].uuid, engines[i].id, 1});
    submissions.push_back(std::move(submission));
  }
  return submit(std::move(plan), std::move(submissions));
}

AsyncCall ClientState::submit(CallPlan plan, std::vector<Submission> submissions) {
  const std::shared_ptr<CallState> call = make_call(std::move(plan));
  for (Submission& submission : submissions) submission.task.call = call;
  if (!submissions.empty()) post(SubmitCommand{std::move(submissions)});
  return CallAccess::make(call);
}

AsyncCall ClientState::watch(const std::vector<std::string>& msg_ids) {
  CallPlan plan;
  std::vector<MsgId> ids;
  for (const std::string& id : msg_ids) {
    plan.tasks.push_back({id, "", -1, 1});
    ids.emplace_back(id);
  }
  const std::shared_ptr<CallState> call = make_call(std::move(plan));
  if (!ids.empty()) post(WatchCommand{std::move(ids), {call, 0}});
  return CallAccess::make(call);
}

Value ClientState::ask_hub(std::string_view msg_type, const Dict& content) {
  Submission submission;
  submission.channel = ClientChannel::kQuery;
  submission.msg_id = next_msg_id();
  submission.msg_type = msg_type;
  submission.content = Frame(to_json(content));
  CallPlan plan;
  plan.tasks.push_back({submission.msg_id.str(), "", -1, 1});
  const std::shared_ptr<CallState> call = make_call(std::move(plan));
  submission.task = {call, 0};
  std::vector<Submission> submissions;
  submissions.push_back(std::move(submission));
  post(SubmitCommand{std::move(submissions)});
  if (!call->wait(options_.query_timeout)) {
    throw TimeoutError("the hub has not answered '" + std::string(msg_type) + "' within " +
                       std::to_string(options_.query_timeout.count()) + " ms; it is busy or gone");
  }
  return call->value(0, std::nullopt);
}

void ClientState::abort_tasks(const std::vector<std::string>& msg_ids) {
  std::vector<MsgId> ids;
  ids.reserve(msg_ids.size());
  for (const std::string& id : msg_ids) ids.emplace_back(id);
  post(AbortCommand{std::move(ids)});
}

void ClientState::abort_all() { post(AbortCommand{}); }

bool ClientState::is_filling_thread() const { return loop_ != nullptr && loop_->is_own_thread(); }

}  // namespace trireme
