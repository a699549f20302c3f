// A client's query over task records, typed: what matches, whichever store keeps the records.
//
// A query is a JSON object {column: value | {operator: operand, ...}, ...}; all conditions must
// hold and {} matches everything. A plain value means $eq. Strings that are ISO 8601 dates are
// instants wherever they stand, also inside lists and objects: two spellings of one instant are
// equal.
//
//   operator         operand            matches when
//   $eq $ne          any JSON value     equal, or not; null equals null only
//   $lt $lte $gt $gte  text or date     the column lies on that side; null never does
//   $in $nin         list               equal to one element, or to none
//   $all             list               equal to every element, of which there is at least one
//   $mod             [divisor, rest]    never: no column holds numbers
//   $exists          anything           the column is not null, or is null for a false operand
//   $glob            pattern            text (or a date as replies write it) fits * ? [a-z] [!a-z]
//
// Text is ordered by code point, dates by instant. Objects have no order and no pattern, dates are
// ordered among dates only: such operands are refused with kTypeError. An empty buffer column is
// null; otherwise it equals nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/column.hpp"
#include "db/task_record.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/result.hpp"

namespace trireme {

enum class QueryOperator : std::uint8_t {
  kLt,
  kLte,
  kGt,
  kGte,
  kEq,
  kNe,
  kIn,
  kNin,
  kAll,
  kMod,
  kExists,
  kGlob,
};
inline constexpr std::size_t kQueryOperatorCount = 12;

struct QueryOperatorInfo {
  QueryOperator op;
  std::string_view name;  // as clients write it
};

inline constexpr std::array<QueryOperatorInfo, kQueryOperatorCount> kQueryOperators{{
    {QueryOperator::kLt, "$lt"},
    {QueryOperator::kLte, "$lte"},
    {QueryOperator::kGt, "$gt"},
    {QueryOperator::kGte, "$gte"},
    {QueryOperator::kEq, "$eq"},
    {QueryOperator::kNe, "$ne"},
    {QueryOperator::kIn, "$in"},
    {QueryOperator::kNin, "$nin"},
    {QueryOperator::kAll, "$all"},
    {QueryOperator::kMod, "$mod"},
    {QueryOperator::kExists, "$exists"},
    {QueryOperator::kGlob, "$glob"},
}};

constexpr std::string_view operator_name(QueryOperator op) {
  return kQueryOperators[static_cast<std::size_t>(op)].name;
}

/// One operand: null, a string (with its instant when it is a date), or any other JSON value in
/// canonical text.
struct QueryValue {
  enum class Kind : std::uint8_t { kNull, kText, kJson };
  Kind kind = Kind::kNull;
  std::string text;                  // kText: the string; kJson: canonical JSON
  std::optional<Timestamp> instant;  // kText that is a date
};

/// One column, one operator. `operands` holds one value; for $in, $nin and $all the elements of
/// the list, sorted by sort_operands(). For $exists it is empty and `wanted` tells.
struct Condition {
  Column column;
  QueryOperator op;
  std::vector<QueryValue> operands;
  bool wanted = true;

  /// Nulls, strings, strings that are dates, other values; by text within each.
  void sort_operands();
};

/// A conjunction of conditions; without any it matches every record.
struct Query {
  std::vector<Condition> conditions;

  /// Matches the records with these ids.
  static Query with_ids(std::span<const MsgId> ids);
  /// The columns that the conditions look at.
  Columns columns() const;
};

/// Reads a query from JSON text. kKeyError with the name as Python writes it (`'$regex'`) for an
/// unknown column or operator, kTypeError for an operand the operator cannot use or a query that
/// is no object, kBadFormat for text that is not JSON.
Result<Query> parse_query(std::string_view query_json);

/// Whether the record matches: the meaning that every store keeps to.
bool matches(const Query& query, const TaskRecord& record);
bool matches(const Condition& condition, const TaskRecord& record);

}  // namespace trireme
