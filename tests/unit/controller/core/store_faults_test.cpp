// Whichever question the store cannot answer, once or from then on: every task ends once, every
// request to the hub is answered once, and the cluster goes on.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "db/store_question.hpp"
#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

ControllerCore::Options forgetful_options() {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.scheduler.outcomes_remembered = 1;  // so that older ends are looked up
  return options;
}

/// A world whose store fails at the given question, and maybe at all that follow.
class FailingWorld {
 public:
  FailingWorld(std::uint64_t nth, bool for_good) : nth_(nth), for_good_(for_good) {
    world_.join_engine("e1");
    world_.store_answers = false;
  }

  MsgId submit(const TaskBuilder& builder = {}) {
    const MsgId id = world_.submit(builder);
    expected_.insert(id.str());
    settle();
    return id;
  }
  void ask(std::string_view type, const std::string& content) {
    expected_.insert(world_.request(type, content).str());
    settle();
  }
  void check() {
    for (const std::string& id : expected_) {
      EXPECT_EQ(answers_[id], 1) << id << " when question " << nth_ << " fails";
    }
    for (const auto& [id, count] : answers_) EXPECT_TRUE(expected_.contains(id)) << id;
    EXPECT_EQ(world_.core().scheduler().waiting_count(), 0u);
    EXPECT_EQ(world_.core().open_look_ups(), 0u);
    world_.store_answers = true;
  }
  bool has_fired() const { return asked_ >= nth_; }

 private:
  /// Answers questions, runs tasks, notes replies, until nothing happens any more.
  void settle() {
    for (int rounds = 0; rounds < 100; ++rounds) {
      std::deque<SentFrames> sent = world_.take_all();
      if (sent.empty() && world_.runner.questions.empty()) return;
      for (SentFrames& one : sent) take(one);
      while (!world_.runner.questions.empty()) {
        const StoreQuestion question = std::move(world_.runner.questions.front());
        world_.runner.questions.pop_front();
        world_.runner.answer(answer_to(question), world_.clock.now());
      }
      for (SentFrames& one : world_.runner.take_sent()) take(one);
    }
    ADD_FAILURE() << "it never settles";
  }
  StoreAnswer answer_to(const StoreQuestion& question) {
    ++asked_;
    const bool fails = for_good_ ? asked_ >= nth_ : asked_ == nth_;
    if (fails) return {question.token, Error{ErrorCode::kIo, "the disk is gone"}};
    return trireme::answer(world_.store, question);
  }
  void take(SentFrames& sent) {
    const bool is_addressed = sent.channel != Channel::kNotification;
    Frames frames = sent.frames;
    if (is_addressed) frames.erase(frames.begin());
    Received received{sent.channel, is_addressed ? sent.frames[0].to_string() : "",
                      world_.client.decode(frames), sent.frames};
    if (sent.channel == Channel::kTaskEngines) return world_.reply(received);
    if (sent.channel == Channel::kTaskClients || sent.channel == Channel::kQuery) {
      ++answers_[received.parent().str()];
    }
  }

  ControllerWorld world_{forgetful_options()};
  std::uint64_t nth_;
  bool for_good_;
  std::uint64_t asked_ = 0;
  std::set<std::string> expected_;
  std::map<std::string, int> answers_;  // by the request
};

std::string ids_content(const std::vector<MsgId>& ids) {
  std::string list;
  for (const MsgId& id : ids) list += (list.empty() ? "\"" : ", \"") + id.str() + "\"";
  return R"({"msg_ids": [)" + list + R"(], "status_only": false})";
}

/// True if a question was asked that could fail.
bool run_script(std::uint64_t nth, bool for_good) {
  FailingWorld world(nth, for_good);
  const MsgId first = world.submit();
  const MsgId second = world.submit();
  const MsgId third = world.submit(task().after({first}));
  world.submit(task().follow({first, second}).retries(2));
  world.ask("result_request", ids_content({first, third}));
  world.ask("history_request", "{}");
  world.ask("db_request", R"({"query": {"completed": {"$ne": null}}, "keys": ["msg_id"]})");
  world.ask("resubmit_request", ids_content({first}));
  world.submit(task().after({second, third}).timeout(5));
  world.ask("purge_request", R"({"msg_ids": [")" + second.str() + R"("], "engine_ids": []})");
  world.ask("purge_request", R"({"msg_ids": "all"})");
  world.submit(task().after({first}));
  world.submit();
  world.check();
  return world.has_fired();
}

class StoreFaults : public ::testing::TestWithParam<bool> {};

TEST_P(StoreFaults, WhicheverQuestionFailsEverythingIsAnsweredOnce) {
  std::uint64_t nth = 1;
  while (run_script(nth, GetParam()) && !HasFailure()) ++nth;
  EXPECT_GT(nth, 6u) << "the script asks the store often";
}

INSTANTIATE_TEST_SUITE_P(Faults, StoreFaults, ::testing::Bool(),
                         [](const auto& at) { return at.param ? "FromThenOn" : "Once"; });

}  // namespace
}  // namespace trireme::testing
