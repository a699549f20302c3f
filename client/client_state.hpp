// What a client and all its views share: the loop, the engines, the numbering of requests.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/client.hpp>

#include "client/call_request.hpp"
#include "client/call_state.hpp"
#include "client/client_loop.hpp"

namespace trireme {

/// Thread-safe. Made by connect(), shared by Client and views; close() ends the thread.
class ClientState : public CallOwner,
                    private ClientLoopListener,
                    public std::enable_shared_from_this<ClientState> {
 public:
  /// Waits for the connection file and the controller; throws ConnectionError or TimeoutError.
  static std::shared_ptr<ClientState> connect(const ClientOptions& options);
  ~ClientState() override;

  void close(const std::string& reason);
  bool closed() const;
  const SessionId& session() const noexcept { return session_; }

  std::vector<EngineInfo> engines() const;
  bool wait_for_engines(std::size_t count, std::chrono::milliseconds limit) const;
  /// Throws NoSuchEngine; for all, also when there are none.
  std::vector<EngineInfo> resolve(const Targets& targets) const;

  /// One task per engine, each with a message of its own. `requests` holds one for all engines, or
  /// one for each.
  AsyncCall call_direct(const std::vector<EngineInfo>& engines, std::vector<CallRequest> requests);
  /// One task per engine, one message for all.
  AsyncCall call_broadcast(const std::vector<EngineInfo>& engines, CallRequest request,
                           bool is_coalescing);
  /// One load-balanced task per request; `items` as in CallTaskPlan, or empty.
  AsyncCall call_balanced(const TaskOptions& options, std::vector<CallRequest> requests,
                          const std::vector<std::size_t>& items);
  /// One request per engine on the control channel.
  AsyncCall control(const std::vector<EngineInfo>& engines, std::string_view msg_type,
                    const Dict& content, bool ends_engines);
  /// Results of anyone's tasks.
  AsyncCall watch(const std::vector<std::string>& msg_ids);

  /// Asks the hub and waits; {"content", "buffers"}. Throws QueryError, TimeoutError,
  /// ConnectionError.
  Value ask_hub(std::string_view msg_type, const Dict& content);

  void abort_tasks(const std::vector<std::string>& msg_ids) override;
  void abort_all();
  bool is_filling_thread() const override;
  const WorkCount& work() const noexcept { return *work_; }

 private:
  explicit ClientState(const ClientOptions& options);

  // The loop's thread.
  void on_engines(const std::map<EngineId, EngineUuid>& engines) override;
  void on_closed(const std::string& reason) override;

  void open(const ClientConnection& connection, const std::string& origin,
            std::chrono::steady_clock::time_point deadline);
  MsgId next_msg_id();
  std::shared_ptr<CallState> make_call(CallPlan plan);
  AsyncCall submit(CallPlan plan, std::vector<Submission> submissions);
  /// ConnectionError when the client is closed.
  void post(ClientCommand command);
  std::vector<EngineUuid> uuids_of(const std::vector<int>& ids) const;

  const ClientOptions options_;
  const SessionId session_;
  const std::string process_tag_;
  const std::shared_ptr<WorkCount> work_ = std::make_shared<WorkCount>();
  std::atomic<std::uint64_t> next_number_{0};
  std::unique_ptr<ClientLoop> loop_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<int, std::string> engines_;  // guarded by mutex_, as all below
  bool connected_ = false;
  bool closed_ = false;
  std::string close_reason_;
  std::mutex close_mutex_;  // one closer at a time; taken before mutex_
};

}  // namespace trireme
