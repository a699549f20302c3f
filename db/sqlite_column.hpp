// Where the columns of a record lie in the task database (db/schema.hpp).
#pragma once

#include <string_view>

#include "db/column.hpp"

namespace trireme {

enum class SqliteHome {
  kRecord,    // the row in records
  kRequest,   // the row in messages with the request
  kResult,    // the row in messages with the result
  kOutput,    // pieces in outputs
  kAttempts,  // rows in attempts
};

struct SqliteColumn {
  SqliteHome home;
  std::string_view name;  // in the table; empty where the value is put together from rows
};

constexpr SqliteColumn sqlite_column(Column column) {
  switch (column) {
    case Column::kHeader:
      return {SqliteHome::kRequest, "header"};
    case Column::kMetadata:
      return {SqliteHome::kRequest, "metadata"};
    case Column::kContent:
      return {SqliteHome::kRequest, "content"};
    case Column::kBuffers:
      return {SqliteHome::kRequest, "buffers"};
    case Column::kResultHeader:
      return {SqliteHome::kResult, "header"};
    case Column::kResultMetadata:
      return {SqliteHome::kResult, "metadata"};
    case Column::kResultContent:
      return {SqliteHome::kResult, "content"};
    case Column::kResultBuffers:
      return {SqliteHome::kResult, "buffers"};
    case Column::kStdout:
    case Column::kStderr:
      return {SqliteHome::kOutput, ""};
    case Column::kAttempts:
      return {SqliteHome::kAttempts, ""};
    default:
      return {SqliteHome::kRecord, column_info(column).name};
  }
}

}  // namespace trireme
