// What callers see when something is missing, wrong, or dies.
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/system/client/cluster_suite.hpp"
#include "tests/system/client/tasks.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLimit{120};

ClientOptions impatient(ClientOptions options) {
  options.timeout = milliseconds(500);
  return options;
}

template <class E>
std::string thrown_by(const ClientOptions& options) {
  try {
    const Client client(options);
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

class Failures : public ::testing::TestWithParam<Make> {};
INSTANTIATE_TEST_SUITE_P(Controllers, Failures, ::testing::ValuesIn(controllers()), case_name);

TEST(FailuresAlone, AMissingConnectionFileIsNamed) {
  ClientOptions options;
  options.connection_file = "/nonexistent/ipcontroller-client.json";
  EXPECT_NE(thrown_by<ConnectionError>(impatient(options)).find(options.connection_file),
            std::string::npos);
}

TEST(FailuresAlone, ACorruptConnectionFileIsNamed) {
  const std::string file = ::testing::TempDir() + "corrupt-client.json";
  for (const char* text : {"", "{", "[]", "{\"key\": 5}"}) {
    std::ofstream(file) << text;
    ClientOptions options;
    options.connection_file = file;
    EXPECT_NE(thrown_by<ConnectionError>(impatient(options)).find(file), std::string::npos);
  }
}

TEST_P(Failures, AConnectionFileThatComesLaterOrInHalvesIsWaitedFor) {
  ClusterProcesses cluster(GetParam());
  const Client first(cluster.options());
  const std::string text = cluster.client_json();
  ClientOptions options = cluster.options();
  options.connection_file = cluster.client_file().string() + ".late";
  std::thread writer([&] {
    std::this_thread::sleep_for(milliseconds(50));
    std::ofstream(options.connection_file) << text.substr(0, text.size() / 2);
    std::this_thread::sleep_for(milliseconds(50));
    std::ofstream(options.connection_file) << text;
  });
  EXPECT_NO_THROW(Client{options});
  writer.join();
}

TEST_P(Failures, AWrongKeyAndALeftOverFileAreTimeoutsThatSayWhatToDo) {
  ClusterProcesses cluster(GetParam());
  { const Client waits_for_the_controller(cluster.options()); }
  std::string text = cluster.client_json();
  ClientOptions options = impatient(cluster.options());
  const std::size_t key = text.find("\"key\": \"") + 8;
  text[key] = text[key] == 'x' ? 'y' : 'x';
  options.connection_file = cluster.write_file("wrong-client.json", text);
  EXPECT_NE(thrown_by<TimeoutError>(options).find("no controller answers"), std::string::npos);
  cluster.kill_process(cluster.controller());
  options.connection_file = cluster.client_file().string();
  EXPECT_NE(thrown_by<TimeoutError>(options).find(options.connection_file), std::string::npos);
}

TEST_P(Failures, ATaskOnAnEngineThatIsKilledFails) {
  // With all its helpers: its heart alone can tell.
  ClusterProcesses cluster(GetParam(), {"--HeartMonitor.max_heartmonitor_misses=10"});
  const pid_t engine = cluster.start_engine(Make::kTrireme);
  const Client client(cluster.options());
  ASSERT_TRUE(client.wait_for_engines(1, ClusterProcesses::kStartLimit)) << cluster.logs();
  const auto direct = client.direct_view().apply("trireme.sleep", {600});
  const auto joined = client.broadcast_view({}, true).apply("trireme.sleep", {600});
  const auto spread = client.broadcast_view().apply("trireme.sleep", {600});
  const auto balanced = client.load_balanced_view().apply("trireme.sleep", {600});
  // A task that no engine had yet would wait for another one.
  const int id = client.ids().front();
  const auto give_up = std::chrono::steady_clock::now() + kLimit;
  while (client.queue_status().engines.at(id).tasks == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << cluster.logs();
  }
  cluster.kill_process(engine);
  EXPECT_THROW(direct.get(kLimit), EngineDied) << cluster.logs();
  EXPECT_THROW(joined.get(kLimit), EngineDied);
  EXPECT_THROW(spread.get(kLimit), EngineDied);
  EXPECT_THROW(balanced.get(kLimit), EngineDied);
  EXPECT_TRUE(client.ids().empty());
  EXPECT_THROW(client.direct_view().execute("1"), NoSuchEngine);
}

TEST_P(Failures, ShutdownEndsEnginesAndThenTheController) {
  ClusterProcesses cluster(GetParam());
  const pid_t native = cluster.start_engine(Make::kTrireme);
  const Client client(cluster.options());
  ASSERT_TRUE(client.wait_for_engines(1, ClusterProcesses::kStartLimit)) << cluster.logs();
  client.shutdown(client.ids());
  EXPECT_TRUE(cluster.wait_for_end(native, kLimit)) << cluster.logs();
  cluster.start_engine(Make::kTrireme);
  while (client.ids().empty()) ASSERT_TRUE(client.wait_for_engines(1, kLimit));
  client.shutdown_cluster();
  EXPECT_TRUE(cluster.wait_for_end(cluster.controller(), kLimit)) << cluster.logs();
}

TEST_P(Failures, AClosedClientFailsWhatIsPendingAndRefusesMore) {
  ClusterProcesses cluster(GetParam());
  cluster.start_engine(Make::kTrireme);
  Client client(cluster.options());
  ASSERT_TRUE(client.wait_for_engines(1, ClusterProcesses::kStartLimit)) << cluster.logs();
  const auto view = client.load_balanced_view();
  const auto pending = view.apply("trireme.sleep", {600});
  const auto watched = client.get_result(pending.msg_ids());
  client.close();
  EXPECT_THROW(pending.get(kLimit), ConnectionError);
  EXPECT_THROW(watched.get(kLimit), ConnectionError);
  EXPECT_THROW(view.apply("trireme.echo", {1}), ConnectionError);
  EXPECT_THROW(client.hub_history(), ConnectionError);
  EXPECT_EQ(client.outstanding(), 0u);
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace trireme
