#include "db/sqlite_filter.hpp"

#include <algorithm>
#include <optional>

#include "db/sqlite_column.hpp"

namespace trireme {
namespace {

using Kind = QueryValue::Kind;

constexpr std::size_t kListedValuesMax = 30000;  // SQLite allows 32766 values in a statement

constexpr const char* kNever = "0";

/// An expression that is true when the column is null.
std::string null_test(const ColumnInfo& column) {
  const SqliteColumn place = sqlite_column(column.column);
  switch (place.home) {
    case SqliteHome::kRecord:
      return std::string(place.name) + " IS NULL";
    case SqliteHome::kRequest:
      return "NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.id = 2 * records.id AND m." +
             std::string(place.name) + " IS NOT NULL)";
    case SqliteHome::kResult:
      return "NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.id = 2 * records.id + 1 AND m." +
             std::string(place.name) + " IS NOT NULL)";
    case SqliteHome::kAttempts:
      return "NOT EXISTS (SELECT 1 FROM attempts WHERE record = records.id)";
    case SqliteHome::kOutput:
      break;
  }
  return kNever;
}

bool is_row_text(const ColumnInfo& column) {
  return column.kind == ColumnKind::kText && column.column != Column::kStdout &&
         column.column != Column::kStderr;
}

/// Compiles conditions one by one; each compile function gives an expression or, where SQLite
/// would decide differently from matches(), nothing.
class FilterCompiler {
 public:
  explicit FilterCompiler(SqliteFilter& filter) : filter_(filter) {}

  void add(const Condition& condition) {
    const std::size_t values_before = filter_.values.size();
    const std::optional<std::string> expression = compile(condition);
    if (!expression) {
      filter_.values.resize(values_before);
      filter_.rest.conditions.push_back(condition);
      return;
    }
    if (!filter_.where.empty()) filter_.where += " AND ";
    filter_.where += "(" + *expression + ")";
  }

 private:
  std::optional<std::string> compile(const Condition& condition) {
    const ColumnInfo& column = column_info(condition.column);
    switch (condition.op) {
      case QueryOperator::kLt:
        return compile_order(column, " < ?", condition.operands.front());
      case QueryOperator::kLte:
        return compile_order(column, " <= ?", condition.operands.front());
      case QueryOperator::kGt:
        return compile_order(column, " > ?", condition.operands.front());
      case QueryOperator::kGte:
        return compile_order(column, " >= ?", condition.operands.front());
      case QueryOperator::kEq:
        return compile_equal(column, condition.operands.front());
      case QueryOperator::kNe:
        return negate(compile_equal(column, condition.operands.front()));
      case QueryOperator::kIn:
        return compile_membership(column, condition.operands);
      case QueryOperator::kNin:
        return negate(compile_membership(column, condition.operands));
      case QueryOperator::kAll:
        return compile_all(column, condition.operands);
      case QueryOperator::kMod:
        return kNever;
      case QueryOperator::kExists:
        return condition.wanted ? "NOT (" + null_test(column) + ")" : null_test(column);
      case QueryOperator::kGlob:
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<std::string> compile_order(const ColumnInfo& column, std::string_view comparison,
                                           const QueryValue& operand) {
    if (operand.kind == Kind::kNull) return kNever;
    if (!push_value(column, operand, /*by_instant=*/false)) return std::nullopt;
    return std::string(column.name) + std::string(comparison);
  }

  std::optional<std::string> compile_equal(const ColumnInfo& column, const QueryValue& operand) {
    if (operand.kind == Kind::kNull) return null_test(column);
    if (never_equal(column, operand)) return kNever;
    if (!push_value(column, operand, /*by_instant=*/true)) return std::nullopt;
    return std::string(column.name) + " = ?";
  }

  std::optional<std::string> compile_membership(const ColumnInfo& column,
                                                const std::vector<QueryValue>& operands) {
    if (filter_.values.size() + operands.size() > kListedValuesMax) return std::nullopt;
    std::string listed;
    bool has_null = false;
    for (const QueryValue& operand : operands) {
      if (operand.kind == Kind::kNull) {
        has_null = true;
      } else if (!never_equal(column, operand)) {
        if (!push_value(column, operand, /*by_instant=*/true)) return std::nullopt;
        listed += listed.empty() ? "?" : ", ?";
      }
    }
    if (listed.empty()) return has_null ? null_test(column) : kNever;
    const std::string in_list = std::string(column.name) + " IN (" + listed + ")";
    return has_null ? in_list + " OR " + null_test(column) : in_list;
  }

  std::optional<std::string> compile_all(const ColumnInfo& column,
                                         const std::vector<QueryValue>& operands) {
    if (operands.empty()) return kNever;
    if (operands.size() > kConjunctionMax) return std::nullopt;
    std::string expression;
    for (const QueryValue& operand : operands) {
      const std::optional<std::string> equal = compile_equal(column, operand);
      if (!equal) return std::nullopt;
      expression += (expression.empty() ? "(" : " AND (") + *equal + ")";
    }
    return expression;
  }

  /// What compares with a null column is null, which counts as false: negated it must be true.
  static std::optional<std::string> negate(std::optional<std::string> expression) {
    if (expression) expression = "(" + *expression + ") IS NOT TRUE";
    return expression;
  }

  /// Values that no content of the column can equal.
  static bool never_equal(const ColumnInfo& column, const QueryValue& operand) {
    switch (column.kind) {
      case ColumnKind::kText:
        return operand.kind != Kind::kText;
      case ColumnKind::kTimestamp:
        return !operand.instant;
      case ColumnKind::kDict:
        return operand.kind != Kind::kJson;
      case ColumnKind::kBuffers:
        return true;
    }
    return false;
  }

  /// Adds the operand to the values when SQLite compares it with the column as matches() does.
  /// Texts that are dates equal other spellings of their instant, which SQLite cannot see.
  bool push_value(const ColumnInfo& column, const QueryValue& operand, bool by_instant) {
    if (column.kind == ColumnKind::kTimestamp && operand.instant) {
      filter_.values.emplace_back(std::int64_t{operand.instant->time_since_epoch().count()});
      return true;
    }
    if (!is_row_text(column) || operand.kind != Kind::kText) return false;
    if (by_instant && operand.instant) return false;
    filter_.values.emplace_back(operand.text);
    return true;
  }

  static constexpr std::size_t kConjunctionMax = 100;  // SQLite allows expressions 1000 deep

  SqliteFilter& filter_;
};

}  // namespace

void SqliteFilter::bind(SqliteStatement& statement) const {
  int position = 1;
  for (const auto& value : values) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      statement.bind_integer(position++, *number);
    } else {
      statement.bind_text(position++, std::get<std::string>(value));
    }
  }
}

SqliteFilter compile_filter(const Query& query) {
  SqliteFilter filter;
  FilterCompiler compiler(filter);
  for (const Condition& condition : query.conditions) compiler.add(condition);
  return filter;
}

}  // namespace trireme
