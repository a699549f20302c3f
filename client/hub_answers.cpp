#include "client/hub_answers.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <trireme/value_traits.hpp>

namespace trireme {
namespace {

template <class Read>
auto understood(std::string_view what, Read&& read) {
  try {
    return read();
  } catch (const TypeError& error) {
    throw FormatError("the hub's answer about " + std::string(what) +
                      " is malformed: " + error.what());
  }
}

std::optional<int> engine_number(std::string_view key) {
  int number = 0;
  const auto [stop, failure] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (failure != std::errc{} || stop != key.data() + key.size()) return std::nullopt;
  return number;
}

/// Calls `take(id, entry)` for the entries of engines.
template <class Take>
void for_each_engine(const Value& content, Take&& take) {
  for (const auto& [key, entry] : content.as_dict()) {
    if (const std::optional<int> id = engine_number(key)) take(*id, entry);
  }
}

/// Takes the buffers of each record, as many as the hub says.
class BufferColumn {
 public:
  BufferColumn(const Value& content, std::string lens_key, std::string column)
      : column_(std::move(column)) {
    const Value* lens = content.find(lens_key);
    if (lens != nullptr && !lens->is_null()) counts_ = lens->to<std::vector<std::size_t>>();
  }

  void move_into(Dict& record, std::size_t index, const List& buffers, std::size_t& at) const {
    if (!counts_.has_value() || index >= counts_->size()) return;
    const std::size_t count = (*counts_)[index];
    if (count > buffers.size() - at) throw TypeError("buffers are missing");
    const auto first = buffers.begin() + static_cast<std::ptrdiff_t>(at);
    record[column_] = List(first, first + static_cast<std::ptrdiff_t>(count));
    at += count;
  }

 private:
  std::string column_;
  std::optional<std::vector<std::size_t>> counts_;
};

}  // namespace

QueueStatus read_queue_status(const Value& content) {
  return understood("queues", [&] {
    QueueStatus status;
    if (const Value* unassigned = content.find("unassigned")) {
      status.unassigned = unassigned->to<std::size_t>();
    }
    for_each_engine(content, [&](int id, const Value& entry) {
      status.engines[id] = {entry.at("queue").to<std::size_t>(),
                            entry.at("tasks").to<std::size_t>(),
                            entry.at("completed").to<std::size_t>()};
    });
    return status;
  });
}

QueueStatusIds read_queue_status_ids(const Value& content) {
  return understood("queues", [&] {
    QueueStatusIds status;
    using Ids = std::vector<std::string>;
    if (const Value* unassigned = content.find("unassigned")) {
      status.unassigned = unassigned->to<Ids>();
    }
    for_each_engine(content, [&](int id, const Value& entry) {
      status.engines[id] = {entry.at("queue").to<Ids>(), entry.at("tasks").to<Ids>(),
                            entry.at("completed").to<Ids>()};
    });
    return status;
  });
}

std::vector<std::string> read_texts(const Value& content, std::string_view key) {
  return understood(key, [&] { return content.at(key).to<std::vector<std::string>>(); });
}

std::map<std::string, std::string> read_resubmitted(const Value& content) {
  return understood("resubmitted tasks", [&] {
    return content.at("resubmitted").to<std::map<std::string, std::string>>();
  });
}

std::vector<Dict> read_records(const Value& answer) {
  return understood("records", [&] {
    const Value& content = answer.at("content");
    const List& buffers = answer.at("buffers").as_list();
    const BufferColumn requests(content, "buffer_lens", "buffers");
    const BufferColumn results(content, "result_buffer_lens", "result_buffers");
    std::vector<Dict> records;
    std::size_t at = 0;
    for (const Value& entry : content.at("records").as_list()) {
      Dict record = entry.as_dict();
      requests.move_into(record, records.size(), buffers, at);
      results.move_into(record, records.size(), buffers, at);
      records.push_back(std::move(record));
    }
    return records;
  });
}

}  // namespace trireme
