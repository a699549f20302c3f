#include <nlohmann/json.hpp>

#include "db/canonical_json.hpp"
#include "db/python_repr.hpp"
#include "db/query.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;
using Kind = QueryValue::Kind;

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kQueryOperators.size(); ++i) {
    if (static_cast<std::size_t>(kQueryOperators[i].op) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "kQueryOperators must follow the order of the enumeration");

Error unusable(const ColumnInfo& column, QueryOperator op, std::string_view need) {
  return {ErrorCode::kTypeError, std::string(operator_name(op)) + " on " +
                                     std::string(column.name) + " needs " + std::string(need)};
}

Result<QueryValue> make_value(const Json& json) {
  if (json.is_null()) return QueryValue{};
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    return QueryValue{Kind::kText, text, parse_timestamp(text)};
  }
  std::optional<std::string> text = canonical_json(json.dump());
  if (!text) return Error{ErrorCode::kBadFormat, "the query is nested too deeply"};
  return QueryValue{Kind::kJson, std::move(*text), std::nullopt};
}

Result<Condition> make_equality(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  Result<QueryValue> value = make_value(operand);
  if (!value) return value.error();
  return Condition{column.column, op, {std::move(*value)}};
}

Result<Condition> make_ordering(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  if (column.kind == ColumnKind::kDict || column.kind == ColumnKind::kBuffers) {
    return unusable(column, op, "a column with an order: text or a date");
  }
  if (!operand.is_null() && !operand.is_string()) return unusable(column, op, "a string");
  Result<QueryValue> value = make_value(operand);
  if (!value) return value.error();
  if (column.kind == ColumnKind::kTimestamp && value->kind == Kind::kText && !value->instant) {
    return unusable(column, op,
                    "a date such as 2026-11-22T01:38:22Z, not " + python_repr(value->text));
  }
  return Condition{column.column, op, {std::move(*value)}};
}

Result<Condition> make_membership(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  if (!operand.is_array()) return unusable(column, op, "a list");
  Condition condition{column.column, op, {}};
  for (const Json& element : operand) {
    Result<QueryValue> value = make_value(element);
    if (!value) return value.error();
    condition.operands.push_back(std::move(*value));
  }
  condition.sort_operands();
  return condition;
}

Result<Condition> make_modulo(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  const bool fits = operand.is_array() && operand.size() == 2 && operand[0].is_number_integer() &&
                    operand[1].is_number_integer() && operand[0] != 0;
  if (!fits) return unusable(column, op, "a list of two integers, the first of them not 0");
  return Condition{column.column, op, {}};
}

Result<Condition> make_existence(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  const bool is_false = operand.is_null() || operand == false || operand == 0 || operand == 0.0 ||
                        operand == std::string() || (operand.is_structured() && operand.empty());
  return Condition{column.column, op, {}, !is_false};
}

Result<Condition> make_glob(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  if (column.kind == ColumnKind::kDict || column.kind == ColumnKind::kBuffers) {
    return unusable(column, op, "a column of text or dates");
  }
  if (!operand.is_string()) return unusable(column, op, "a pattern");
  return make_equality(column, op, operand);
}

Result<Condition> make_condition(const ColumnInfo& column, QueryOperator op, const Json& operand) {
  switch (op) {
    case QueryOperator::kLt:
    case QueryOperator::kLte:
    case QueryOperator::kGt:
    case QueryOperator::kGte:
      return make_ordering(column, op, operand);
    case QueryOperator::kEq:
    case QueryOperator::kNe:
      return make_equality(column, op, operand);
    case QueryOperator::kIn:
    case QueryOperator::kNin:
    case QueryOperator::kAll:
      return make_membership(column, op, operand);
    case QueryOperator::kMod:
      return make_modulo(column, op, operand);
    case QueryOperator::kExists:
      return make_existence(column, op, operand);
    case QueryOperator::kGlob:
      return make_glob(column, op, operand);
  }
  TRIREME_CHECK(false, "an operator without a reader");
}

std::optional<QueryOperator> operator_named(std::string_view name) {
  for (const QueryOperatorInfo& info : kQueryOperators) {
    if (info.name == name) return info.op;
  }
  return std::nullopt;
}

Result<void> append_conditions(Query& query, const ColumnInfo& column, const Json& test) {
  if (!test.is_object()) {
    Result<Condition> condition = make_equality(column, QueryOperator::kEq, test);
    if (!condition) return condition.error();
    query.conditions.push_back(std::move(*condition));
    return {};
  }
  for (const auto& [name, operand] : test.items()) {
    const std::optional<QueryOperator> op = operator_named(name);
    if (!op) return Error{ErrorCode::kKeyError, python_repr(name)};
    Result<Condition> condition = make_condition(column, *op, operand);
    if (!condition) return condition.error();
    query.conditions.push_back(std::move(*condition));
  }
  return {};
}

}  // namespace

Result<Query> parse_query(std::string_view query_json) {
  const Json json = Json::parse(query_json, nullptr, false);
  if (json.is_discarded()) return Error{ErrorCode::kBadFormat, "the query is not JSON"};
  if (!json.is_object()) {
    return Error{ErrorCode::kTypeError, "a query must be an object of columns and conditions"};
  }
  Query query;
  for (const auto& [name, test] : json.items()) {
    const std::optional<Column> column = column_named(name);
    if (!column) return Error{ErrorCode::kKeyError, python_repr(name)};
    Result<void> appended = append_conditions(query, column_info(*column), test);
    if (!appended) return appended.error();
  }
  return query;
}

}  // namespace trireme
