#include "controller/recovery/owed_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

namespace trireme {

OwedJournal::~OwedJournal() {
  if (fd_ >= 0) ::close(fd_);
}

std::vector<MsgId> OwedJournal::read() const {
  std::vector<MsgId> ids;
  std::set<MsgId> delivered;
  std::ifstream stream(file_);
  for (std::string line; std::getline(stream, line);) {
    if (line.size() < 2) continue;
    if (line.front() == '+') ids.emplace_back(line.substr(1));
    if (line.front() == '-') delivered.emplace(line.substr(1));
  }
  std::erase_if(ids, [&](const MsgId& id) { return delivered.contains(id); });
  return ids;
}

void OwedJournal::clear() {
  owed_.clear();
  if (fd_ >= 0) {
    if (::ftruncate(fd_, 0) == 0) return;
    ::close(fd_);
    fd_ = -1;
  }
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

void OwedJournal::add(std::span<const MsgId> ids) {
  std::string lines;
  for (const MsgId& id : ids) {
    if (id.str().find('\n') == std::string::npos && owed_.insert(id).second) {
      lines += "+" + id.str() + "\n";
    }
  }
  write(lines);
}

void OwedJournal::remove(std::span<const MsgId> ids) {
  std::string lines;
  for (const MsgId& id : ids) {
    if (owed_.erase(id) > 0) lines += "-" + id.str() + "\n";
  }
  if (owed_.empty() && !lines.empty()) return clear();
  write(lines);
}

void OwedJournal::write(const std::string& lines) {
  if (lines.empty()) return;
  if (fd_ < 0) fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const ssize_t written = fd_ < 0 ? -1 : ::write(fd_, lines.data(), lines.size());
  if (written == static_cast<ssize_t>(lines.size()) || has_failed_) return;
  has_failed_ = true;
  log_.write(LogLevel::kWarning, "cannot note in " + file_.string() +
                                     " which replies wait for their clients: " +
                                     std::strerror(errno) + "; a crash would forget them");
}

}  // namespace trireme
