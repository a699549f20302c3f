// Runs in and out of a kernel process, and what its death means for them.
#include "engine/kernel/kernel_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <utility>

#include "engine/signal_names.hpp"
#include "engine/task_failure.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTailBytesMax = 2'000;
constexpr std::size_t kTailLinesMax = 10;
constexpr std::size_t kLineBytesMax = 500;
/// A process uses up CPU time on so many cores at once, we suppose; a wrong guess is found at the
/// next look.
constexpr int kCoresSupposed = 2;
constexpr milliseconds kCpuLookPause{50};

std::string seconds_text(milliseconds time) {
  std::string text = std::to_string(time.count() / 1'000);
  const auto rest = time.count() % 1'000;
  if (rest != 0) text += "." + std::to_string(1'000 + rest).substr(1);
  while (rest != 0 && text.ends_with('0')) text.pop_back();
  return text + " s";
}

void append_tail(std::string& tail, std::string_view text) {
  tail += text;
  if (tail.size() > 2 * kTailBytesMax) tail.erase(0, tail.size() - kTailBytesMax);
}

/// Lines that a dying process writes about its stack: `./program(+0x1234)[0x5566]`.
bool is_stack_line(std::string_view line) {
  return line.ends_with(']') && line.find("[0x") != std::string_view::npos;
}

TaskFailure failure_of(std::string ename, std::string evalue, std::vector<std::string> lines) {
  TaskFailure failure{std::move(ename), std::move(evalue), {}};
  if (!lines.empty()) failure.traceback.emplace_back("Its last output:");
  for (std::string& line : lines) failure.traceback.push_back("  " + std::move(line));
  failure.traceback.push_back(failure.ename + ": " + failure.evalue);
  return failure;
}

}  // namespace

std::string name_of(const KernelEnd& end) {
  return end.signal ? signal_name(*end.signal) : "status " + std::to_string(end.exit_code);
}

std::vector<std::string> last_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, length);
    if (!line.empty() && !is_stack_line(line)) lines.emplace_back(line.substr(0, kLineBytesMax));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  if (lines.size() > kTailLinesMax) lines.erase(lines.begin(), lines.end() - kTailLinesMax);
  return lines;
}

KernelLedger::KernelLedger(TaskLimits limits, CellPlan cells)
    : limits_(limits), cells_(std::move(cells)) {}

void KernelLedger::join(const EngineIdentity& identity, KernelOutbox& out) {
  identity_ = identity;
  if (state_ != State::kReady) return;
  out.messages.emplace_back(LinkJoined{identity.id.value(), identity.uuid.str()});
  prepare(cells_.at_once, {}, out);
}

void KernelLedger::start(const WorkQueue::Start& start, Now now, CpuTime cpu, KernelOutbox& out) {
  TRIREME_CHECK(identity_.has_value(), "runs are started after joining");
  const TaskRequest& request = *start.request;
  const auto [at, is_new] = runs_.try_emplace(start.run);
  TRIREME_CHECK(is_new, "a run starts once");
  Run& run = at->second;
  run.request = request.id();
  run.is_execute = request.is_execute();
  if (cells_.language_of) run.language = cells_.language_of(request);
  run.held = LinkStart{start.run,
                       request.id().str(),
                       request.message.header.msg_type,
                       start.execution_count,
                       request.message.content_json,
                       request.message.buffers};
  if (state_ == State::kReady) {
    hand_over_or_prepare(start.run, run, now, cpu, out);
  } else if (failed_starts_ >= kStartsMax) {
    fail_held("it ended " + std::to_string(failed_starts_) + " times while it started", out);
  }
}

void KernelLedger::hand_over(RunNumber number, Run& run, Now now, CpuTime cpu, KernelOutbox& out) {
  out.messages.emplace_back(std::move(*run.held));
  run.held.reset();
  run.started = now.instant;
  run.cpu_before = cpu;
  if (limits_.cpu) run.look_at_cpu = now.instant + *limits_.cpu / kCoresSupposed;
  if (loss_to_report_ && run.is_execute) {
    out.events.emplace_back(
        RunOutput{number, {{OutputPiece::Kind::kStderr, *std::exchange(loss_to_report_, {})}}});
  }
}

void KernelLedger::hand_over_all(Now now, CpuTime cpu, KernelOutbox& out) {
  for (auto& [number, run] : runs_) {
    if (run.held) hand_over_or_prepare(number, run, now, cpu, out);
  }
}

void KernelLedger::hand_over_or_prepare(RunNumber number, Run& run, Now now, CpuTime cpu,
                                        KernelOutbox& out) {
  if (may_run(run)) {
    hand_over(number, run, now, cpu, out);
  } else {
    prepare(run.language, cpu, out);
  }
}

bool KernelLedger::may_run(const Run& run) const {
  return run.language.empty() || prepared_.contains(run.language) || deadly_.contains(run.language);
}

void KernelLedger::prepare(const std::string& language, CpuTime cpu, KernelOutbox& out) {
  const bool is_wanted = !language.empty() && !prepared_.contains(language) &&
                         !deadly_.contains(language) && !preparing_.contains(language);
  if (!is_wanted) return;
  preparing_.emplace(language, cpu);
  out.messages.emplace_back(LinkPrepare{language});
}

void KernelLedger::on_prepared(const std::string& language, Now now, CpuTime cpu,
                               KernelOutbox& out) {
  const auto found = preparing_.find(language);
  if (found == preparing_.end() || state_ != State::kReady) return;
  const CpuTime begun = found->second;
  preparing_.erase(found);
  prepared_.insert(language);
  for (auto& [number, run] : runs_) {
    if (!run.held) run.cpu_before += cpu - std::max(begun, run.cpu_before);
  }
  hand_over_all(now, cpu, out);
}

void KernelLedger::stop(RunNumber number, StopReason reason, Now now, KernelOutbox& out) {
  const auto found = runs_.find(number);
  if (found == runs_.end()) return;
  const bool interrupt = reason == StopReason::kInterrupted;
  if (found->second.held) {
    TaskOutcome outcome = TaskGaveUp{};
    if (interrupt) outcome = make_failure("KeyboardInterrupt", "", "a task that was to start");
    out.events.emplace_back(RunEnded{number, std::move(outcome), {}});
    runs_.erase(found);
    return;
  }
  ask_to_stop(number, found->second, interrupt ? Cause::kInterrupted : Cause::kAborted, now, out);
}

void KernelLedger::ask_to_stop(RunNumber number, Run& run, Cause cause, Now now,
                               KernelOutbox& out) {
  if (run.kill_at) return;
  if (run.cause == Cause::kNone) {
    out.messages.emplace_back(LinkStop{
        number, cause == Cause::kAborted ? StopReason::kAborted : StopReason::kInterrupted});
  }
  run.cause = cause;
  run.look_at_cpu.reset();
  if (cause != Cause::kAborted) run.kill_at = now.instant + limits_.stop_grace;
}

void KernelLedger::answer(RunNumber run, std::optional<std::string> line, KernelOutbox& out) {
  if (runs_.contains(run)) out.messages.emplace_back(LinkAnswer{run, std::move(line)});
}

void KernelLedger::clear(KernelOutbox& out) {
  if (state_ != State::kReady) return;
  out.messages.emplace_back(LinkClear{});
  prepared_.clear();
  prepare(cells_.at_once, {}, out);
}

void KernelLedger::restart(KernelOutbox& out) {
  if (state_ != State::kReady) return;  // a new one comes anyway
  restarting_ = true;
  kill(std::nullopt, out);
}

void KernelLedger::kill(std::optional<RunNumber> culprit, KernelOutbox& out) {
  if (state_ == State::kDying || state_ == State::kPausing) return;
  state_ = State::kDying;
  culprit_ = culprit;
  out.kill = true;
}

void KernelLedger::on_message(LinkMessage message, Now now, CpuTime cpu, KernelOutbox& out) {
  if (auto* ready = std::get_if<LinkReady>(&message)) {
    if (state_ != State::kStarting) return;
    state_ = State::kReady;
    ready_ = std::move(*ready);
    failed_starts_ = 0;
    if (!identity_) return;
    join(*identity_, out);
    hand_over_all(now, cpu, out);
  } else if (auto* refused = std::get_if<LinkRefused>(&message)) {
    refusal_ = std::move(*refused);
  } else if (auto* output = std::get_if<LinkOutput>(&message)) {
    on_output(output->run, std::move(output->pieces), out);
  } else if (auto* ended = std::get_if<LinkEnded>(&message)) {
    on_ended(std::move(*ended), out);
  } else if (auto* wanted = std::get_if<LinkWaits>(&message)) {
    if (!runs_.contains(wanted->run)) return;
    out.events.emplace_back(RunWaits{wanted->run, wanted->wanted, std::move(wanted->prompt)});
  } else if (auto* prepared = std::get_if<LinkPrepared>(&message)) {
    on_prepared(prepared->language, now, cpu, out);
  } else if (auto* line = std::get_if<LinkLog>(&message)) {
    out.log_lines.push_back({line->level, std::move(line->text)});
  }
}

void KernelLedger::on_output(RunNumber number, std::vector<OutputPiece> pieces, KernelOutbox& out) {
  const auto found = runs_.find(number);
  if (found == runs_.end() || pieces.empty()) return;
  for (const OutputPiece& piece : pieces) {
    if (is_text(piece.kind)) append_tail(found->second.tail, piece.text);
  }
  out.events.emplace_back(RunOutput{number, std::move(pieces)});
}

void KernelLedger::on_ended(LinkEnded ended, KernelOutbox& out) {
  const auto found = runs_.find(ended.run);
  if (found == runs_.end()) return;
  const Cause cause = found->second.cause;
  const bool over_limit = cause == Cause::kWall || cause == Cause::kCpu;
  if (over_limit && !std::holds_alternative<TaskSuccess>(ended.outcome)) {
    ended.outcome = limit_failure(cause);
  }
  runs_.erase(found);
  out.events.emplace_back(RunEnded{ended.run, std::move(ended.outcome), std::move(ended.output)});
  if (!ended.is_last) return;
  is_spent_ = true;
  kill(ended.run, out);
}

TaskFailure KernelLedger::limit_failure(Cause cause) const {
  const bool wall = cause == Cause::kWall;
  const std::string limit = seconds_text(wall ? *limits_.wall : *limits_.cpu);
  return failure_of(
      wall ? "TimeLimitExceeded" : "CpuLimitExceeded",
      wall ? "the task ran longer than --task-timeout of its engine allows: " + limit
           : "the task used more CPU time than --cpu-limit of its engine allows: " + limit,
      {});
}

TaskFailure KernelLedger::death_failure(RunNumber number, const Run& run,
                                        const KernelEnd& end) const {
  constexpr std::string_view kLost = "; the engine goes on without its names and cells";
  std::vector<std::string> lines = last_lines(end.last_words.empty() ? run.tail : end.last_words);
  if (restarting_) {
    return failure_of("KernelRestarted", "the task ended because the engine was restarted", {});
  }
  if (culprit_ == number && run.cause != Cause::kInterrupted) {
    TaskFailure failure = limit_failure(run.cause);
    failure.evalue += "; it did not stop when asked and was ended" + std::string(kLost);
    failure.traceback.back() = failure.ename + ": " + failure.evalue;
    return failure;
  }
  if (culprit_ == number) {
    return failure_of("KeyboardInterrupt",
                      "the task did not heed the interrupt and was ended" + std::string(kLost),
                      std::move(lines));
  }
  if (culprit_) {
    return failure_of("KernelDied",
                      "the task ended because another one on its engine had to be ended by force" +
                          std::string(kLost),
                      {});
  }
  std::string how = (end.signal ? "was killed by " : "ended with ") + name_of(end);
  if (limits_.memory_bytes && end.signal) {
    how += " (its --memory-limit is " + std::to_string(*limits_.memory_bytes >> 20) + " MiB)";
  }
  const std::string who = runs_.size() > 1 ? "the process of this task, which others ran in too, "
                                           : "the process of this task ";
  return failure_of("KernelDied", who + how + std::string(kLost), std::move(lines));
}

void KernelLedger::on_death(const KernelEnd& end, Now now, KernelOutbox& out) {
  const bool was_ready = state_ == State::kReady || state_ == State::kDying;
  std::vector<RunEnded> failed;
  for (const auto& [number, run] : runs_) {
    if (!run.held) failed.push_back({number, death_failure(number, run, end), {}});
  }
  if (state_ == State::kReady && failed.empty()) {
    for (const auto& [language, begun] : preparing_) deadly_.insert(language);
  }
  preparing_.clear();
  prepared_.clear();
  for (RunEnded& ended : failed) {
    runs_.erase(ended.run);
    out.events.emplace_back(std::move(ended));
  }
  if (was_ready) {
    const std::string why = restarting_ ? "a restart was asked for"
                            : is_spent_ ? "its memory was used up"
                                        : "it ended by " + name_of(end);
    out.log_lines.push_back({restarting_ ? LogLevel::kInfo : LogLevel::kWarning,
                             "The kernel process is replaced: " + why +
                                 ". Plug-ins are loaded again; names and cells are lost."});
    if (!restarting_) {
      loss_to_report_ = "trireme-engine: the kernel process was replaced (" +
                        (is_spent_ ? "its memory was used up" : name_of(end)) +
                        "); names and cells from before are lost.\n";
    }
  }
  plan_next(end, now, out);
  restarting_ = false;
  is_spent_ = false;
  culprit_.reset();
}

void KernelLedger::plan_next(const KernelEnd& end, Now now, KernelOutbox& out) {
  if (state_ != State::kStarting) {
    state_ = State::kStarting;
    out.spawn = true;
    return;
  }
  ++failed_starts_;
  const std::string why = refusal_ ? refusal_->text : "it ended by " + name_of(end);
  out.log_lines.push_back({LogLevel::kError, "The kernel process could not start: " + why});
  const int doublings = std::min(failed_starts_ - 1, 16);
  respawn_at_ = now.instant + std::min(kFirstPause * (1 << doublings), kLongestPause);
  state_ = State::kPausing;
  if (failed_starts_ >= kStartsMax) fail_held(why, out);
}

void KernelLedger::fail_held(const std::string& why, KernelOutbox& out) {
  for (auto at = runs_.begin(); at != runs_.end();) {
    if (!at->second.held) {
      ++at;
      continue;
    }
    out.events.emplace_back(RunEnded{
        at->first,
        failure_of("KernelDied", "the process that runs tasks cannot be started: " + why, {}),
        {}});
    at = runs_.erase(at);
  }
}

bool KernelLedger::is_settled() const noexcept {
  return (state_ == State::kReady && preparing_.empty()) || failed_starts_ >= kStartsMax;
}

std::optional<Instant> KernelLedger::next_deadline() const {
  std::optional<Instant> next = respawn_at_;
  const auto consider = [&](std::optional<Instant> instant) {
    if (instant) next = next ? std::min(*next, *instant) : *instant;
  };
  for (const auto& [number, run] : runs_) {
    if (run.held) continue;
    consider(run.kill_at);
    if (preparing_.empty()) consider(run.look_at_cpu);
    if (limits_.wall && !run.kill_at) consider(run.started + *limits_.wall);
  }
  return next;
}

void KernelLedger::on_deadline(Now now, CpuTime cpu, KernelOutbox& out) {
  if (respawn_at_ && now.instant >= *respawn_at_) {
    respawn_at_.reset();
    state_ = State::kStarting;
    out.spawn = true;
  }
  for (auto& [number, run] : runs_) {
    if (!run.held) watch(number, run, now, cpu, out);
  }
}

void KernelLedger::watch(RunNumber number, Run& run, Now now, CpuTime cpu, KernelOutbox& out) {
  if (run.kill_at) {
    if (now.instant >= *run.kill_at) {
      kill(number, out);
      run.kill_at = now.instant + kDeathPatience;  // it is on its way
    }
    return;
  }
  if (limits_.wall && now.instant >= run.started + *limits_.wall) {
    ask_to_stop(number, run, Cause::kWall, now, out);
  } else if (preparing_.empty() && run.look_at_cpu && now.instant >= *run.look_at_cpu) {
    const CpuTime used = cpu - run.cpu_before;
    if (used >= *limits_.cpu) {
      ask_to_stop(number, run, Cause::kCpu, now, out);
    } else {
      run.look_at_cpu =
          now.instant + std::max(kCpuLookPause, (*limits_.cpu - used) / kCoresSupposed);
    }
  }
}

void KernelLedger::check_invariants() const {
  for (const auto& [number, run] : runs_) {
    TRIREME_CHECK(run.held || state_ == State::kReady || state_ == State::kDying,
                  "runs are handed over only to a ready kernel");
    TRIREME_CHECK(!run.held || state_ != State::kReady || preparing_.contains(run.language),
                  "what waits in a ready kernel waits for its language");
  }
}

}  // namespace trireme
