// Task records in an SQLite file: the store that remembers what happened before a restart.
#pragma once

#include <filesystem>
#include <memory>

#include "db/content_disk.hpp"
#include "db/sqlite_connection.hpp"
#include "db/task_store.hpp"

namespace trireme {

/// The file in the profile folder, unless told otherwise. Not `tasks.db`: that name belongs to
/// ipyparallel's table of another layout, and both can live side by side.
inline constexpr const char* kTaskDatabaseFileName = "trireme.db";

/// Stores records as db/schema.hpp says, contents of large buffers in a folder beside the file
/// (contents_folder()). A group of changes is one transaction in which each
/// record is written once, so that a task submitted and finished within a group costs one row.
/// After a failure the transaction is rolled back and the store is usable again.
class SqliteStore final : public TaskStore {
 public:
  /// Opens or creates the file. kNotFound, kPermission, kBusy, kBadFormat, kVersion or kIo.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file,
                                                   const SqliteConnectionOptions& options = {},
                                                   ContentDisk& disk = ContentDisk::system());
  ~SqliteStore() override;

  Result<void> apply(std::span<const RecordChange> changes) override;
  Result<std::optional<TaskRecord>> get(const MsgId& msg_id) override;
  using TaskStore::find;
  Result<std::vector<TaskRecord>> find(const Query& query, const Columns& columns,
                                       std::uint64_t bytes_max) override;
  Result<std::vector<MsgId>> history() override;
  Result<std::vector<TaskOutcome>> outcomes(std::span<const MsgId> ids) override;
  Result<void> purge_completed() override;
  Result<void> purge(std::span<const MsgId> ids) override;
  Result<void> purge_engine(const EngineUuid& engine) override;
  bool use_pause() override;
  bool keeps_records() const override { return true; }
  Result<std::uint64_t> count() override;

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace trireme
