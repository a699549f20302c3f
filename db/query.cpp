#include "db/query.hpp"

#include <algorithm>
#include <compare>
#include <tuple>

#include "db/canonical_json.hpp"
#include "db/glob.hpp"

namespace trireme {
namespace {

using Kind = QueryValue::Kind;

/// A column of a record as conditions see it.
struct ColumnValue {
  ColumnKind kind;
  bool is_null = false;
  std::string_view text;  // text and dict columns
  Timestamp moment;       // date columns
};

struct ValueReader {
  const TaskRecord& record;
  ColumnKind kind;

  ColumnValue operator()(MsgId TaskRecord::*member) const {
    return {kind, false, (record.*member).view(), {}};
  }
  ColumnValue operator()(std::string TaskRecord::*member) const {
    return {kind, false, record.*member, {}};
  }
  ColumnValue operator()(std::optional<std::string> TaskRecord::*member) const {
    const auto& value = record.*member;
    return value ? ColumnValue{kind, false, *value, {}} : ColumnValue{kind, true, {}, {}};
  }
  ColumnValue operator()(std::optional<Timestamp> TaskRecord::*member) const {
    const auto& value = record.*member;
    return value ? ColumnValue{kind, false, {}, *value} : ColumnValue{kind, true, {}, {}};
  }
  ColumnValue operator()(Frames TaskRecord::*member) const {
    return {kind, (record.*member).empty(), {}, {}};
  }
};

bool equals(const ColumnValue& value, const QueryValue& operand) {
  if (value.is_null) return operand.kind == Kind::kNull;
  switch (value.kind) {
    case ColumnKind::kText:
      return operand.kind == Kind::kText &&
             (operand.text == value.text ||
              (operand.instant && parse_timestamp(value.text) == operand.instant));
    case ColumnKind::kTimestamp:
      return operand.instant == value.moment;
    case ColumnKind::kDict:
      return operand.kind == Kind::kJson && canonical_json(value.text) == operand.text;
    case ColumnKind::kBuffers:
      return false;
  }
  return false;
}

/// The first operand of a sorted list that is not before this key.
auto first_not_before(const std::vector<QueryValue>& sorted, Kind kind, bool is_date,
                      std::string_view text) {
  const auto key = std::tuple(kind, is_date, text);
  return std::partition_point(sorted.begin(), sorted.end(), [&key](const QueryValue& operand) {
    return std::tuple(operand.kind, operand.instant.has_value(), std::string_view(operand.text)) <
           key;
  });
}

bool contains(const std::vector<QueryValue>& sorted, const ColumnValue& value) {
  if (value.is_null) return !sorted.empty() && sorted.front().kind == Kind::kNull;
  const auto has = [&sorted](Kind kind, std::string_view text) {
    const auto found = first_not_before(sorted, kind, false, text);
    return found != sorted.end() && found->kind == kind && !found->instant && found->text == text;
  };
  const auto has_date = [&sorted, &value] {
    return std::any_of(first_not_before(sorted, Kind::kText, true, ""),
                       first_not_before(sorted, Kind::kJson, false, ""),
                       [&value](const QueryValue& operand) { return equals(value, operand); });
  };
  switch (value.kind) {
    case ColumnKind::kText:
      return has(Kind::kText, value.text) || has_date();
    case ColumnKind::kTimestamp:
      return has_date();
    case ColumnKind::kDict: {
      const std::optional<std::string> canonical = canonical_json(value.text);
      return canonical && has(Kind::kJson, *canonical);
    }
    case ColumnKind::kBuffers:
      return false;
  }
  return false;
}

/// Empty when the two have no order: one is null, or a date meets what is none.
std::optional<std::strong_ordering> compare(const ColumnValue& value, const QueryValue& operand) {
  if (value.is_null || operand.kind != Kind::kText) return std::nullopt;
  if (value.kind == ColumnKind::kText) return value.text <=> std::string_view(operand.text);
  if (value.kind != ColumnKind::kTimestamp || !operand.instant) return std::nullopt;
  return value.moment.time_since_epoch().count() <=> operand.instant->time_since_epoch().count();
}

bool fits_pattern(const ColumnValue& value, const QueryValue& pattern) {
  if (value.is_null) return false;
  if (value.kind == ColumnKind::kTimestamp) {
    return glob_matches(pattern.text, format_timestamp(value.moment));
  }
  return value.kind == ColumnKind::kText && glob_matches(pattern.text, value.text);
}

bool holds(const Condition& condition, const ColumnValue& value) {
  const std::vector<QueryValue>& operands = condition.operands;
  switch (condition.op) {
    case QueryOperator::kLt:
      return compare(value, operands.front()) == std::strong_ordering::less;
    case QueryOperator::kGt:
      return compare(value, operands.front()) == std::strong_ordering::greater;
    case QueryOperator::kLte:
      return compare(value, operands.front()).value_or(std::strong_ordering::greater) <= 0;
    case QueryOperator::kGte:
      return compare(value, operands.front()).value_or(std::strong_ordering::less) >= 0;
    case QueryOperator::kEq:
      return equals(value, operands.front());
    case QueryOperator::kNe:
      return !equals(value, operands.front());
    case QueryOperator::kIn:
      return contains(operands, value);
    case QueryOperator::kNin:
      return !contains(operands, value);
    case QueryOperator::kAll:
      return !operands.empty() &&
             std::all_of(operands.begin(), operands.end(),
                         [&value](const QueryValue& operand) { return equals(value, operand); });
    case QueryOperator::kMod:
      return false;
    case QueryOperator::kExists:
      return value.is_null != condition.wanted;
    case QueryOperator::kGlob:
      return fits_pattern(value, operands.front());
  }
  return false;
}

}  // namespace

Query Query::with_ids(std::span<const MsgId> ids) {
  Condition condition{Column::kMsgId, QueryOperator::kIn, {}};
  condition.operands.reserve(ids.size());
  for (const MsgId& id : ids) {
    condition.operands.push_back({Kind::kText, id.str(), parse_timestamp(id.view())});
  }
  condition.sort_operands();
  return Query{{std::move(condition)}};
}

Columns Query::columns() const {
  Columns columns;
  for (const Condition& condition : conditions) columns.add(condition.column);
  return columns;
}

void Condition::sort_operands() {
  std::sort(operands.begin(), operands.end(), [](const QueryValue& left, const QueryValue& right) {
    return std::tuple(left.kind, left.instant.has_value(), std::string_view(left.text)) <
           std::tuple(right.kind, right.instant.has_value(), std::string_view(right.text));
  });
}

bool matches(const Condition& condition, const TaskRecord& record) {
  const ColumnInfo& info = column_info(condition.column);
  return holds(condition, std::visit(ValueReader{record, info.kind}, info.member));
}

bool matches(const Query& query, const TaskRecord& record) {
  return std::all_of(query.conditions.begin(), query.conditions.end(),
                     [&record](const Condition& condition) { return matches(condition, record); });
}

}  // namespace trireme
