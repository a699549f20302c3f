// A suite whose cases share one cluster per make of controller.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include <trireme/client.hpp>

#include "tests/system/client/cluster_processes.hpp"

namespace trireme {

/// Two engines of the given make, and a client.
template <Make kEngines>
class ClusterSuite : public ::testing::TestWithParam<Make> {
 protected:
  static constexpr std::size_t kEngineCount = 2;
  static constexpr std::chrono::seconds kLimit{120};

  static void TearDownTestSuite() { shared().clear(); }

  void SetUp() override {
    auto& found = shared()[GetParam()];
    if (found == nullptr) {
      found = std::make_unique<Shared>(GetParam());
      for (std::size_t i = 0; i < kEngineCount; ++i) found->processes.start_engine(kEngines);
      found->client = std::make_unique<Client>(found->processes.options());
    }
    ASSERT_TRUE(client().wait_for_engines(kEngineCount, ClusterProcesses::kStartLimit))
        << found->processes.logs();
  }
  void TearDown() override {
    if (HasFailure()) std::fputs(shared()[GetParam()]->processes.logs().c_str(), stderr);
  }

  using ::testing::TestWithParam<Make>::GetParam;
  using ::testing::TestWithParam<Make>::HasFailure;
  Client& client() { return *shared()[GetParam()]->client; }
  ClusterProcesses& processes() { return shared()[GetParam()]->processes; }
  int first_id() { return client().ids().front(); }

 private:
  struct Shared {
    explicit Shared(Make controller) : processes(controller) {}
    ClusterProcesses processes;
    std::unique_ptr<Client> client;  // ends first
  };
  static std::map<Make, std::unique_ptr<Shared>>& shared() {
    static std::map<Make, std::unique_ptr<Shared>> clusters;
    return clusters;
  }
};

inline std::string case_name(const ::testing::TestParamInfo<Make>& info) {
  return name_of(info.param);
}

}  // namespace trireme
