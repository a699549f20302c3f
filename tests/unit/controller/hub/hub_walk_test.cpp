// The hub beside a slow and obvious model of it, through random joins, deaths, tasks and time.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/hub/hub.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kGrace = 30s;

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {}

  void step() {
    switch (draw(8)) {
      case 0:
        return join();
      case 1:
        return lose();
      case 2:
      case 3:
      case 4:
        return submit();
      case 5:
      case 6:
        return reply();
      default:
        return wait();
    }
  }

  void compare() {
    give_up_the_dead();
    std::vector<MsgId> all;
    json pending = json::array();
    for (const auto& [id, task] : tasks_) {
      all.push_back(id);
      if (task.is_pending) pending.push_back(id.str());
    }
    const json results = json::parse(
        world_.ask("result_request", "{\"msg_ids\": " + json_list(all) + ", \"status_only\": true}")
            .content());
    ASSERT_EQ(results["pending"], pending);
    ASSERT_EQ(results["completed"].size(), all.size() - pending.size());
    json expected{{"status", "ok"}, {"unassigned", 0}};
    for (const auto& [id, engine] : live_) {
      std::size_t queue = 0;
      for (const auto& [msg_id, task] : tasks_) queue += task.is_pending && task.engine == id;
      expected[std::to_string(id)] = {
          {"queue", queue}, {"completed", engine.completed}, {"tasks", 0}};
    }
    ASSERT_EQ(json::parse(world_.ask("queue_request", R"({"targets": null})").content()), expected);
    world_.hub.check_invariants();
  }

 private:
  struct Engine {
    std::string uuid;
    std::size_t completed = 0;
  };
  struct Dead {
    std::string uuid;
    Instant end_of_grace;
  };
  struct Task {
    int engine;
    bool is_pending = true;
  };

  std::size_t draw(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  template <class Map>
  auto any_of(Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(draw(map.size())));
  }

  void join() {
    const std::string uuid = "engine-" + std::to_string(next_uuid_++);
    const EngineId id = world_.join_engine(uuid);
    EXPECT_EQ(id.value(), next_uuid_ - 1) << "ids are never given twice";
    live_[id.value()] = {uuid};
  }
  void lose() {
    if (live_.empty()) return;
    const auto victim = any_of(live_);
    world_.beating.erase(victim->second.uuid);
    world_.unregister_engine(EngineId(victim->first));
    world_.take(Channel::kNotification);
    dead_[victim->first] = {victim->second.uuid, world_.now.instant + kGrace};
    live_.erase(victim);
  }
  void submit() {
    if (live_.empty()) return;
    const auto target = any_of(live_);
    tasks_[world_.submit_direct(target->second.uuid)] = {target->first};
  }
  void reply() {
    if (tasks_.empty()) return;
    give_up_the_dead();
    const auto task = any_of(tasks_);
    const auto live = live_.find(task->second.engine);
    const std::string uuid =
        live == live_.end() ? dead_.at(task->second.engine).uuid : live->second.uuid;
    world_.reply_direct(uuid, task->first);
    if (task->second.is_pending && live != live_.end()) ++live->second.completed;
    task->second.is_pending = false;
  }
  void wait() { world_.advance(std::chrono::milliseconds(draw(20'000))); }

  void give_up_the_dead() {
    for (auto& [msg_id, task] : tasks_) {
      const auto engine = dead_.find(task.engine);
      if (engine != dead_.end() && engine->second.end_of_grace <= world_.now.instant) {
        task.is_pending = false;
      }
    }
  }

  std::mt19937_64 random_;
  HubWorld world_;
  int next_uuid_ = 0;
  std::map<int, Engine> live_;
  std::map<int, Dead> dead_;
  std::map<MsgId, Task> tasks_;
};

TEST(HubWalk, AgreesWithTheModelAtEveryStep) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Walk walk(seed);
    for (int i = 0; i < 100; ++i) {
      walk.step();
      walk.compare();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace trireme
