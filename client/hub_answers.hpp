// The hub's answers as the types of the public door. Pure; FormatError for malformed answers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/client.hpp>
#include <trireme/value.hpp>

namespace trireme {

QueueStatus read_queue_status(const Value& content);
QueueStatusIds read_queue_status_ids(const Value& content);
std::vector<std::string> read_texts(const Value& content, std::string_view key);
std::map<std::string, std::string> read_resubmitted(const Value& content);
/// From {"content", "buffers"} of a db_reply: the buffer columns are put into the records.
std::vector<Dict> read_records(const Value& answer);

}  // namespace trireme
