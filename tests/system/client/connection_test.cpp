// Ways to the controller: encrypted, and under a cluster id.
#include "tests/system/client/cluster_suite.hpp"
#include "tests/system/client/tasks.hpp"

namespace trireme {
namespace {

constexpr std::chrono::seconds kLimit{120};

class Connections : public ::testing::TestWithParam<Make> {};
INSTANTIATE_TEST_SUITE_P(Controllers, Connections, ::testing::ValuesIn(controllers()), case_name);

TEST_P(Connections, AnEncryptedClusterWorksAndRefusesPlainPeers) {
  ClusterProcesses cluster(GetParam(), {"--IPController.enable_curve=True"});
  cluster.start_engine(Make::kTrireme);
  const Client client(cluster.options());
  ASSERT_TRUE(client.wait_for_engines(1, ClusterProcesses::kStartLimit)) << cluster.logs();
  EXPECT_EQ(client.load_balanced_view().apply(test_tasks::kMultiply, 6, 7).get(kLimit), 42);

  std::string text = cluster.client_json();
  const std::size_t key = text.find("\"curve_serverkey\"");
  ASSERT_NE(key, std::string::npos);
  text.replace(key, std::string("\"curve_serverkey\"").size(), "\"no_serverkey\"");
  ClientOptions plain;
  plain.connection_file = cluster.write_file("plain-client.json", text);
  plain.timeout = std::chrono::milliseconds(500);
  EXPECT_THROW(Client{plain}, TimeoutError);
}

TEST_P(Connections, AClusterIsFoundByItsId) {
  ClusterProcesses cluster(GetParam(), {"--cluster-id=blue"});
  ClientOptions options = cluster.options();
  options.cluster_id = "blue";
  EXPECT_TRUE(Client(options).ids().empty());
}

}  // namespace
}  // namespace trireme
