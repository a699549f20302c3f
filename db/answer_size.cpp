#include "db/answer_size.hpp"

#include <string>
#include <variant>

#include "db/column.hpp"

namespace trireme {
namespace {

std::uint64_t bytes_of(const std::string& text) { return text.size(); }
std::uint64_t bytes_of(const std::optional<std::string>& text) { return text ? text->size() : 0; }
std::uint64_t bytes_of(const Frames& buffers) { return memory_bytes(buffers); }
template <class InTheRecordItself>
std::uint64_t bytes_of(const InTheRecordItself&) {
  return 0;
}

}  // namespace

std::size_t memory_bytes(const Frames& buffers) {
  std::size_t bytes = buffers.size() * sizeof(Frame);
  for (const Frame& buffer : buffers) bytes += buffer.size();
  return bytes;
}

std::uint64_t record_bytes(const TaskRecord& record) {
  std::uint64_t bytes = sizeof record;
  for (const ColumnInfo& info : kColumns) {
    std::visit([&](auto member) { bytes += bytes_of(record.*member); }, info.member);
  }
  return bytes;
}

Result<void> AnswerSize::add(const TaskRecord& record) {
  bytes_ += record_bytes(record);
  if (bytes_ <= bytes_max_) return {};
  return Error{ErrorCode::kTooLarge,
               "the answer would take more than " + std::to_string(bytes_max_) +
                   " bytes; ask for fewer tasks or fewer keys at once, or start the controller "
                   "with a larger --answer-bytes-max"};
}

}  // namespace trireme
