// What tests of stores share: every kind of store, and changes with all but the point defaulted.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "db/memory_store.hpp"
#include "db/sqlite_store.hpp"
#include "db/task_store.hpp"

namespace trireme::testing {

/// A folder of its own for one test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "trireme-db-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Timestamp at(const char* date) { return parse_timestamp(date).value(); }

/// Builds a submission; `date` is ISO 8601.
inline TaskSubmitted submitted(const char* id, const char* date = "2026-01-01T10:00:00Z") {
  const std::string header = std::string(R"({"msg_id": ")") + id +
                             R"(", "msg_type": "apply_request", "session": "client-1", "date": ")" +
                             date + R"("})";
  TaskSubmitted change{MsgId(id),
                       TaskQueue::kTask,
                       Frame(header),
                       Frame(std::string("{}")),
                       Frame(std::string("{}")),
                       {},
                       {}};
  return change;
}

/// Builds an end with this status; `date` is ISO 8601.
inline TaskFinished finished(const char* id, const char* status = "ok",
                             const char* date = "2026-01-01T10:00:05Z") {
  const std::string header = std::string(R"({"msg_type": "apply_reply", "date": ")") + date + "\"}";
  const std::string metadata =
      std::string(R"({"started": "2026-01-01T10:00:01Z", "status": ")") + status + "\"}";
  const std::string content = std::string(R"({"status": ")") + status + "\"}";
  return TaskFinished{
      MsgId(id), EngineUuid("engine-1"),    Frame(header), Frame(metadata), Frame(content),
      {},        at("2026-01-01T10:00:06Z")};
}

inline TaskOutput output(const char* id, const char* text,
                         TaskOutput::Stream stream = TaskOutput::Stream::kStdout) {
  return TaskOutput{MsgId(id), stream, text};
}

inline AttemptEnded attempt(const char* id, std::uint32_t number, const char* end = "error") {
  return AttemptEnded{MsgId(id), number, EngineUuid("engine-1"), at("2026-01-01T10:00:03Z"), end};
}

inline Frames frames(std::initializer_list<std::string> texts) {
  Frames list;
  for (const std::string& text : texts) list.push_back(Frame(text));
  return list;
}

/// The ids, one after the other.
inline std::string ids_of(const std::vector<TaskRecord>& records) {
  std::string ids;
  for (const TaskRecord& record : records) ids += record.msg_id.str();
  return ids;
}
inline std::string ids_of(const std::vector<MsgId>& list) {
  std::string ids;
  for (const MsgId& id : list) ids += id.str();
  return ids;
}

/// A test that runs over every store that keeps records.
class EveryStore : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "Memory") {
      store_ = std::make_unique<MemoryStore>();
    } else {
      Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(folder_.file("trireme.db"));
      ASSERT_TRUE(opened) << opened.error().text;
      store_ = std::move(*opened);
    }
  }

  void apply(std::vector<RecordChange> changes) {
    const Result<void> applied = store_->apply(changes);
    ASSERT_TRUE(applied) << applied.error().text;
  }
  TaskRecord record(const char* id) {
    Result<std::optional<TaskRecord>> found = store_->get(MsgId(id));
    EXPECT_TRUE(found && *found) << id;
    return found && *found ? **found : TaskRecord{};
  }
  bool has(const char* id) {
    Result<std::optional<TaskRecord>> found = store_->get(MsgId(id));
    EXPECT_TRUE(found);
    return found && found->has_value();
  }
  std::string matching(const char* query, const Columns& columns = Columns::all()) {
    const Result<Query> parsed = parse_query(query);
    if (!parsed) return parsed.error().text;
    Result<std::vector<TaskRecord>> found = store_->find(*parsed, columns);
    return found ? ids_of(*found) : found.error().text;
  }

  TemporaryFolder folder_;
  std::unique_ptr<TaskStore> store_;
};

inline std::string store_name(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

}  // namespace trireme::testing
