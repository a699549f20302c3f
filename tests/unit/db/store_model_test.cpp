// SQLite beside the store in memory: random changes, purges and queries give the same in both.
#include <random>

#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::finished;
using testing::frames;
using testing::output;
using testing::submitted;

/// Draws changes, queries and purges over a small set of names, so that they meet often.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  template <class T, std::size_t N>
  T pick(const T (&choices)[N]) {
    return choices[below(static_cast<int>(N))];
  }

  std::string id() { return "m" + std::to_string(below(12)); }
  const char* date() {
    static constexpr const char* kDates[] = {"2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00",
                                             "2026-01-01T10:00:00.000001Z", "2026-01-01 12:00:00Z",
                                             "no date"};
    return pick(kDates);
  }
  Frames buffers() {
    Frames list;
    for (int i = below(4); i > 0; --i) {
      list.push_back(
          Frame(std::string(below(2) == 0 ? below(10) : 300 + below(3), 'a' + below(3))));
    }
    return list;
  }

  RecordChange change() {
    const std::string name = id();
    switch (below(9)) {
      case 0:
      case 1: {
        TaskSubmitted change = submitted(name.c_str(), date());
        change.queue = pick({TaskQueue::kMux, TaskQueue::kTask, TaskQueue::kBroadcast});
        if (below(2) == 0) change.engine = engine();
        if (below(2) == 0) change.metadata_json = Frame(R"({"label": ")" + text() + "\"}");
        if (below(3) == 0) change.content_json = Frame(std::string(R"({"n": 1.0})"));
        if (below(9) == 0) change.content_json = Frame(std::string("broken"));
        change.buffers = buffers();
        return change;
      }
      case 2:
      case 3: {
        TaskFinished change = finished(name.c_str(), below(2) == 0 ? "ok" : "error", date());
        if (below(2) == 0) change.engine = engine();
        if (below(4) == 0) change.metadata_json = Frame();
        change.buffers = buffers();
        return change;
      }
      case 4:
        return TaskAssigned{MsgId(name), engine(), {}};
      case 5:
        return output(name.c_str(), text().c_str(),
                      pick({TaskOutput::Stream::kStdout, TaskOutput::Stream::kStderr}));
      case 6:
        return TaskDisplay{MsgId(name),
                           pick({TaskDisplay::Kind::kExecuteInput,
                                 TaskDisplay::Kind::kExecuteResult, TaskDisplay::Kind::kError}),
                           Frame(R"({"code": ")" + text() + "\"}")};
      case 7:
        return testing::attempt(name.c_str(), static_cast<std::uint32_t>(1 + below(3)),
                                text().c_str());
      default:
        return TaskResubmitted{MsgId(name), MsgId(id())};
    }
  }

  std::string operand() {
    switch (below(5)) {
      case 0:
        return "null";
      case 1:
        return "\"" + text() + "\"";
      case 2:
        return "\"" + std::string(date()) + "\"";
      case 3:
        return pick({"1", "true", R"({"n": 1})", R"({"status": "ok"})", "[]"});
      default:
        return "\"" + id() + "\"";
    }
  }
  std::string list() {
    std::string elements;
    for (int i = below(4); i > 0; --i) elements += (elements.empty() ? "" : ", ") + operand();
    return "[" + elements + "]";
  }
  std::string query() {
    std::string conditions;
    for (int i = 1 + below(2); i > 0; --i) {
      const ColumnInfo& column = kColumns[below(kColumnCount)];
      const QueryOperatorInfo& op = kQueryOperators[below(kQueryOperatorCount)];
      const bool takes_list = op.op == QueryOperator::kIn || op.op == QueryOperator::kNin ||
                              op.op == QueryOperator::kAll;
      const std::string value = takes_list                      ? list()
                                : op.op == QueryOperator::kMod  ? "[2, 1]"
                                : op.op == QueryOperator::kGlob ? "\"*[a-m1-5]\""
                                                                : operand();
      conditions += (conditions.empty() ? "\"" : ", \"") + std::string(column.name) + "\": {\"" +
                    std::string(op.name) + "\": " + value + "}";
    }
    return "{" + conditions + "}";
  }
  EngineUuid engine() { return EngineUuid("engine-" + std::to_string(below(3))); }

 private:
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(static_cast<int>(choices.size()))];
  }
  std::string text() {
    return pick({"", "ok", "m3", "text", "2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00"});
  }

  std::mt19937 random_;
};

void expect_same(const TaskRecord& left, const TaskRecord& right) {
  for (const ColumnInfo& info : kColumns) {
    std::visit([&](auto member) { EXPECT_EQ(left.*member, right.*member) << info.name; },
               info.member);
  }
}

/// Both stores, told and asked the same.
class Twins {
 public:
  Twins() : sqlite_(*SqliteStore::open(folder_.file("trireme.db"))) {}

  void change(Dice& dice) {
    std::vector<RecordChange> group;
    for (int i = 1 + dice.below(8); i > 0; --i) group.push_back(dice.change());
    ASSERT_TRUE(sqlite_->apply(group));
    for (const RecordChange& change : group) ASSERT_TRUE(memory_.apply(std::span(&change, 1)));
  }
  void purge(Dice& dice) {
    const EngineUuid engine = dice.engine();
    const std::vector<MsgId> ids{MsgId(dice.id()), MsgId(dice.id())};
    const int which = dice.below(6);
    for (TaskStore* store :
         {static_cast<TaskStore*>(sqlite_.get()), static_cast<TaskStore*>(&memory_)}) {
      const Result<void> purged = which == 0   ? store->purge_completed()
                                  : which == 1 ? store->purge_engine(engine)
                                               : store->purge(ids);
      EXPECT_TRUE(purged);
    }
  }
  void compare(Dice& dice) {
    compare_query("{}");
    for (int i = 0; i < 20; ++i) compare_query(dice.query());
    EXPECT_EQ(*sqlite_->history(), *memory_.history());
    EXPECT_EQ(*sqlite_->count(), *memory_.count());
    memory_.check_invariants();
  }

 private:
  void compare_query(const std::string& text) {
    const Result<Query> query = parse_query(text);
    if (!query) return;
    const auto left = sqlite_->find(*query, Columns::all());
    const auto right = memory_.find(*query, Columns::all());
    ASSERT_TRUE(left) << text << ": " << left.error().text;
    ASSERT_TRUE(right);
    ASSERT_EQ(testing::ids_of(*left), testing::ids_of(*right)) << text;
    for (std::size_t i = 0; i < left->size(); ++i) expect_same((*left)[i], (*right)[i]);
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<SqliteStore> sqlite_;
  MemoryStore memory_;
};

TEST(StoreModel, SqliteAndMemoryAgreeAfterAnyHistory) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Twins twins;
    for (int step = 0; step < 40 && !::testing::Test::HasFailure(); ++step) {
      twins.change(dice);
      if (dice.below(8) == 0) twins.purge(dice);
      if (step % 5 == 0) twins.compare(dice);
    }
    twins.compare(dice);
  }
}

}  // namespace
}  // namespace trireme
