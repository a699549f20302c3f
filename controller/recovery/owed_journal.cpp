#include "controller/recovery/owed_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

namespace trireme {
namespace {

// What was sent longer ago has left this machine, or its reader does not read.
constexpr std::chrono::milliseconds kOnItsWay{500};

}  // namespace

OwedJournal::~OwedJournal() {
  if (fd_ >= 0) ::close(fd_);
}

OwedJournal::Debts OwedJournal::read() const {
  std::vector<MsgId> ids;
  std::map<MsgId, char> last;
  std::ifstream stream(file_);
  for (std::string line; std::getline(stream, line);) {
    if (line.size() < 2) continue;
    MsgId id(line.substr(1));
    if (line.front() == '+') ids.push_back(id);
    last[std::move(id)] = line.front();
  }
  Debts debts;
  for (MsgId& id : ids) {
    const char state = last[id];
    if (state == '+')
      debts.certain.push_back(std::move(id));
    else if (state == '?')
      debts.doubtful.push_back(std::move(id));
  }
  return debts;
}

void OwedJournal::clear() {
  owed_.clear();
  sent_.clear();
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

void OwedJournal::sent(std::span<const MsgId> ids, Instant now) {
  std::string lines;
  for (const MsgId& id : ids) {
    if (!owed_.contains(id)) continue;
    lines += "?" + id.str() + "\n";
    sent_.emplace_back(now, id);
  }
  write(lines);
}

void OwedJournal::settle(Instant now) {
  std::string lines;
  while (!sent_.empty() && now - sent_.front().first > kOnItsWay) {
    if (owed_.erase(sent_.front().second) > 0) lines += "-" + sent_.front().second.str() + "\n";
    sent_.pop_front();
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
