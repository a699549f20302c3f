// The columns of a task record by name: one table that queries, replies and stores share.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "db/task_record.hpp"
#include "session/result.hpp"

namespace trireme {

/// In the order of kColumns, which is also the order in replies.
enum class Column : std::uint8_t {
  kMsgId,
  kHeader,
  kMetadata,
  kContent,
  kBuffers,
  kSubmitted,
  kClientUuid,
  kEngineUuid,
  kStarted,
  kCompleted,
  kResubmitted,
  kReceived,
  kResultHeader,
  kResultMetadata,
  kResultContent,
  kResultBuffers,
  kQueue,
  kExecuteInput,
  kExecuteResult,
  kError,
  kStdout,
  kStderr,
  kLabel,
  kAttempts,
};
inline constexpr std::size_t kColumnCount = 24;

/// What a column holds: a string, a JSON object (or list of them), a date, or a list of byte
/// strings.
enum class ColumnKind : std::uint8_t { kText, kDict, kTimestamp, kBuffers };

/// Where a record keeps the column.
using ColumnMember = std::variant<MsgId TaskRecord::*, std::optional<std::string> TaskRecord::*,
                                  std::string TaskRecord::*, std::optional<Timestamp> TaskRecord::*,
                                  Frames TaskRecord::*>;

struct ColumnInfo {
  Column column;
  std::string_view name;  // as clients write it
  ColumnKind kind;
  ColumnMember member;
};

inline constexpr std::array<ColumnInfo, kColumnCount> kColumns{{
    {Column::kMsgId, "msg_id", ColumnKind::kText, &TaskRecord::msg_id},
    {Column::kHeader, "header", ColumnKind::kDict, &TaskRecord::header},
    {Column::kMetadata, "metadata", ColumnKind::kDict, &TaskRecord::metadata},
    {Column::kContent, "content", ColumnKind::kDict, &TaskRecord::content},
    {Column::kBuffers, "buffers", ColumnKind::kBuffers, &TaskRecord::buffers},
    {Column::kSubmitted, "submitted", ColumnKind::kTimestamp, &TaskRecord::submitted},
    {Column::kClientUuid, "client_uuid", ColumnKind::kText, &TaskRecord::client_uuid},
    {Column::kEngineUuid, "engine_uuid", ColumnKind::kText, &TaskRecord::engine_uuid},
    {Column::kStarted, "started", ColumnKind::kTimestamp, &TaskRecord::started},
    {Column::kCompleted, "completed", ColumnKind::kTimestamp, &TaskRecord::completed},
    {Column::kResubmitted, "resubmitted", ColumnKind::kText, &TaskRecord::resubmitted},
    {Column::kReceived, "received", ColumnKind::kTimestamp, &TaskRecord::received},
    {Column::kResultHeader, "result_header", ColumnKind::kDict, &TaskRecord::result_header},
    {Column::kResultMetadata, "result_metadata", ColumnKind::kDict, &TaskRecord::result_metadata},
    {Column::kResultContent, "result_content", ColumnKind::kDict, &TaskRecord::result_content},
    {Column::kResultBuffers, "result_buffers", ColumnKind::kBuffers, &TaskRecord::result_buffers},
    {Column::kQueue, "queue", ColumnKind::kText, &TaskRecord::queue},
    {Column::kExecuteInput, "execute_input", ColumnKind::kText, &TaskRecord::execute_input},
    {Column::kExecuteResult, "execute_result", ColumnKind::kDict, &TaskRecord::execute_result},
    {Column::kError, "error", ColumnKind::kDict, &TaskRecord::error},
    {Column::kStdout, "stdout", ColumnKind::kText, &TaskRecord::stdout_text},
    {Column::kStderr, "stderr", ColumnKind::kText, &TaskRecord::stderr_text},
    {Column::kLabel, "label", ColumnKind::kText, &TaskRecord::label},
    {Column::kAttempts, "attempts", ColumnKind::kDict, &TaskRecord::attempts},
}};

constexpr const ColumnInfo& column_info(Column column) {
  return kColumns[static_cast<std::size_t>(column)];
}

/// The column of this name, or empty.
constexpr std::optional<Column> column_named(std::string_view name) {
  for (const ColumnInfo& info : kColumns) {
    if (info.name == name) return info.column;
  }
  return std::nullopt;
}

/// A set of columns.
class Columns {
 public:
  Columns() = default;
  /// Every column.
  static Columns all();
  /// What a client gets that names none: every column but the two with buffers, and but
  /// `attempts`, which clients of other makes do not know.
  static Columns usual();
  /// Just these.
  static Columns of(std::initializer_list<Column> columns);

  bool has(Column column) const { return bits_[static_cast<std::size_t>(column)]; }
  bool empty() const { return bits_.none(); }
  void add(Column column) { bits_.set(static_cast<std::size_t>(column)); }
  /// True when buffers of either side are wanted.
  bool has_buffers() const { return has(Column::kBuffers) || has(Column::kResultBuffers); }

  friend Columns operator|(Columns left, const Columns& right) {
    left.bits_ |= right.bits_;
    return left;
  }
  friend bool operator==(const Columns&, const Columns&) = default;

 private:
  std::bitset<kColumnCount> bits_;
};

/// Reads `keys` of a db_request, JSON text: null, an empty list or an empty text mean
/// Columns::usual(); a list of names means those and msg_id. kKeyError with the name as Python
/// writes it (`'nokey'`) for an unknown column, kTypeError for anything else.
Result<Columns> parse_columns(std::string_view keys_json);

/// Empties every column of `record` that is not in `columns`; msg_id always stays.
void keep_columns(TaskRecord& record, const Columns& columns);

}  // namespace trireme
