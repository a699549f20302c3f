#include "db/record_json.hpp"

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

/// Appends one column's value as JSON.
struct ValueWriter {
  const TaskRecord& record;
  const ColumnInfo& info;
  std::string& out;

  void operator()(MsgId TaskRecord::*member) const { out += json_string((record.*member).view()); }
  void operator()(std::string TaskRecord::*member) const { out += json_string(record.*member); }
  void operator()(std::optional<std::string> TaskRecord::*member) const {
    const std::optional<std::string>& value = record.*member;
    if (!value) {
      out += "null";
    } else if (info.kind == ColumnKind::kDict) {
      out += *value;  // JSON already
    } else {
      out += json_string(*value);
    }
  }
  void operator()(std::optional<Timestamp> TaskRecord::*member) const {
    const std::optional<Timestamp>& value = record.*member;
    out += value ? '"' + format_timestamp(*value) + '"' : "null";
  }
  void operator()(Frames TaskRecord::*) const {}
};

}  // namespace

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string record_json(const TaskRecord& record, const Columns& columns) {
  std::string out = "{";
  for (const ColumnInfo& info : kColumns) {
    const bool wanted = info.column == Column::kMsgId || columns.has(info.column);
    if (!wanted || info.kind == ColumnKind::kBuffers) continue;
    if (out.size() > 1) out += ", ";
    out += '"';
    out += info.name;
    out += "\": ";
    std::visit(ValueWriter{record, info, out}, info.member);
  }
  out += '}';
  return out;
}

}  // namespace trireme
