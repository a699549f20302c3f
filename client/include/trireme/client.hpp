// A client of a cluster: finds the controller, knows the engines, makes views, asks for records.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <trireme/async_result.hpp>
#include <trireme/errors.hpp>
#include <trireme/value.hpp>
#include <trireme/view.hpp>

namespace trireme {

/// Where the controller is. What is empty comes from the environment ($IPYTHONDIR,
/// $IPP_PROFILE_DIR, $IPP_CLUSTER_ID) or is the default profile.
struct ClientOptions {
  std::string profile;
  std::string profile_dir;
  std::string ipython_dir;
  std::optional<std::string> cluster_id;
  std::string connection_file;  // ipcontroller-client.json; wins over the profile
  /// How long the file and the controller may take to appear.
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
  /// How long a query to the hub may take.
  std::chrono::milliseconds query_timeout = std::chrono::seconds(60);
  /// Requests are kept until they are answered, with their buffers, and repeated when a controller
  /// of ours was away: then nothing is lost. Without, what it had read goes on all the same, and
  /// what was on its way is lost.
  bool repeat_requests = true;
};

struct EngineInfo {
  int id;
  std::string uuid;
};

/// What one engine has to do.
struct EngineQueue {
  std::size_t queue = 0;      // direct tasks not finished
  std::size_t tasks = 0;      // load-balanced tasks not finished
  std::size_t completed = 0;  // finished, of both kinds
};
struct QueueStatus {
  std::map<int, EngineQueue> engines;
  std::size_t unassigned = 0;  // load-balanced tasks no engine has yet
};
/// The same as lists of msg_ids.
struct EngineQueueIds {
  std::vector<std::string> queue;
  std::vector<std::string> tasks;
  std::vector<std::string> completed;
};
struct QueueStatusIds {
  std::map<int, EngineQueueIds> engines;
  std::vector<std::string> unassigned;
};

struct ResultStatus {
  std::vector<std::string> pending;
  std::vector<std::string> completed;
};

/// A client. Every function may be called from any thread. Closing it (or its end) fails what is
/// still pending with ConnectionError; views and results may outlive it.
///
/// A controller that is killed and started again, or a network that breaks, ends no call: results
/// are waited for meanwhile, as long as the caller likes, and calls may be made; they go out in
/// their order when the controller is back. A controller that is shut down closes its clients.
/// Only resubmit(), purge_*() and interrupt() are not repeated: under way in that moment, they fail
/// with ConnectionError.
class Client {
 public:
  /// Waits for the connection file and for the controller. ConnectionError or TimeoutError, naming
  /// the file and what to do.
  explicit Client(const ClientOptions& options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  void close();
  bool closed() const;

  /// Engines that are there now, by id.
  std::vector<int> ids() const;
  std::vector<EngineInfo> engines() const;
  /// False when `limit` passes before at least `count` engines are there.
  bool wait_for_engines(std::size_t count, std::chrono::milliseconds limit) const;

  EngineView engine(int id) const;
  DirectView direct_view(Targets targets = {}) const;
  LoadBalancedView load_balanced_view(std::vector<int> targets = {}) const;
  BroadcastView broadcast_view(Targets targets = {}, bool coalescing = false) const;

  /// Tasks of this client that have not ended.
  std::size_t outstanding() const;
  /// Waits until no task of this client is pending. False when `limit` passed first.
  bool wait(std::chrono::milliseconds limit = std::chrono::hours(24 * 365)) const;
  /// Aborts what engines have not begun: the named tasks, or all of this client's pending ones.
  void abort(const std::vector<std::string>& msg_ids) const;
  void abort_all() const;
  /// Interrupts what the engines run now, as Ctrl-C would.
  void interrupt(const Targets& targets) const;

  // Questions to the hub. All throw QueryError when it refuses, TimeoutError when it is silent,
  // ConnectionError when the client is closed.
  QueueStatus queue_status(const Targets& targets = {}) const;
  QueueStatusIds queue_status_ids(const Targets& targets = {}) const;
  ResultStatus result_status(const std::vector<std::string>& msg_ids) const;
  /// Anyone's tasks, finished or not: the results as soon as the hub has them. Those of executed
  /// code are ExecuteResults; those of Python functions that no Value can hold are FormatErrors.
  template <class R = Value>
  AsyncResults<R> get_result(const std::vector<std::string>& msg_ids) const {
    return AsyncResults<R>(watch(msg_ids));
  }
  /// Records that fit a query such as {"engine_uuid": ..., "completed": {"$ne": null}}. `keys`
  /// names the columns, empty: all but the buffers. Buffers come as lists of Bytes.
  std::vector<Dict> db_query(const Dict& query, const std::vector<std::string>& keys = {}) const;
  /// msg_ids of all tasks the hub knows, oldest first.
  std::vector<std::string> hub_history() const;
  /// Forgets the records of finished tasks: the named ones, and all of the named engines.
  void purge_results(const std::vector<std::string>& msg_ids,
                     const std::vector<int>& engine_ids = {}) const;
  void purge_everything() const;
  /// Runs tasks again, load-balanced and without their conditions; old msg_id to new.
  std::map<std::string, std::string> resubmit(const std::vector<std::string>& msg_ids) const;

  /// Asks the engines to end, and waits for their answers.
  void shutdown(const Targets& targets = {}) const;
  /// The same for all engines, then the controller.
  void shutdown_cluster() const;

  /// This client's session id, the `client_uuid` of its records.
  std::string session() const;
  /// Any request to the hub, for what this class has no name for: the content of the reply.
  Value hub_request(std::string_view msg_type, const Dict& content) const;

 private:
  AsyncCall watch(const std::vector<std::string>& msg_ids) const;

  std::shared_ptr<ClientState> state_;
};

}  // namespace trireme
