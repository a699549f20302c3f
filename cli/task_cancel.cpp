#include "cli/task_cancel.hpp"

#include <signal.h>

#include <algorithm>
#include <set>

#include <trireme/client.hpp>

namespace trireme::cli {
namespace {

volatile sig_atomic_t caught_signal = 0;

extern "C" void note_signal(int number) {
  if (caught_signal != 0) {  // the user insists
    ::signal(number, SIG_DFL);
    ::raise(number);
  }
  caught_signal = number;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

}  // namespace

InterruptWatch::InterruptWatch() {
  caught_signal = 0;
  handle(SIGINT, note_signal);
  handle(SIGTERM, note_signal);
}

InterruptWatch::~InterruptWatch() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

bool InterruptWatch::interrupted() const { return caught_signal != 0; }
int InterruptWatch::exit_code() const { return 128 + caught_signal; }

void cancel_tasks(const Client& client, const std::vector<std::string>& msg_ids) {
  if (msg_ids.empty()) return;
  client.abort(msg_ids);
  const std::set<std::string> ours(msg_ids.begin(), msg_ids.end());
  std::vector<int> busy;
  for (const auto& [engine, ids] : client.queue_status_ids().engines) {
    const auto is_ours = [&ours](const std::string& id) { return ours.contains(id); };
    if (std::any_of(ids.tasks.begin(), ids.tasks.end(), is_ours)) busy.push_back(engine);
  }
  if (!busy.empty()) client.interrupt(busy);
}

}  // namespace trireme::cli
