#include "db/column.hpp"

#include <nlohmann/json.hpp>

#include "db/python_repr.hpp"

namespace trireme {
namespace {

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    if (static_cast<std::size_t>(kColumns[i].column) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "kColumns must list the columns in the order of the enumeration");

Error wrong_keys() {
  return {ErrorCode::kTypeError, "keys must be null or a list of column names"};
}

}  // namespace

Columns Columns::all() {
  Columns columns;
  columns.bits_.set();
  return columns;
}

Columns Columns::usual() {
  Columns columns = all();
  columns.bits_.reset(static_cast<std::size_t>(Column::kBuffers));
  columns.bits_.reset(static_cast<std::size_t>(Column::kResultBuffers));
  columns.bits_.reset(static_cast<std::size_t>(Column::kAttempts));
  return columns;
}

Columns Columns::of(std::initializer_list<Column> columns) {
  Columns set;
  for (const Column column : columns) set.add(column);
  return set;
}

Result<Columns> parse_columns(std::string_view keys_json) {
  if (keys_json.empty()) return Columns::usual();
  const nlohmann::json keys = nlohmann::json::parse(keys_json, nullptr, false);
  if (keys.is_null()) return Columns::usual();
  if (!keys.is_array()) return wrong_keys();
  if (keys.empty()) return Columns::usual();
  Columns columns = Columns::of({Column::kMsgId});
  for (const nlohmann::json& key : keys) {
    if (!key.is_string()) return wrong_keys();
    const auto& name = key.get_ref<const std::string&>();
    const std::optional<Column> column = column_named(name);
    if (!column) return Error{ErrorCode::kKeyError, python_repr(name)};
    columns.add(*column);
  }
  return columns;
}

void keep_columns(TaskRecord& record, const Columns& columns) {
  for (const ColumnInfo& info : kColumns) {
    if (info.column == Column::kMsgId || columns.has(info.column)) continue;
    std::visit([&record](auto member) { record.*member = {}; }, info.member);
  }
}

}  // namespace trireme
