// Rules as an onlooker checks them: slowly and plainly.
#include "tests/sim/task_book.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/json_probe.hpp"

namespace trireme::sim {

void TaskBook::expect(bool holds, const MsgId& id, const std::string& promise) {
  if (!holds) findings_.add("task " + id.str() + ": " + promise);
}

void TaskBook::plan(const MsgId& id, TaskWish wish) {
  tasks_[id].wish = std::move(wish);
  planned_.push_back(id);
}

void TaskBook::reaches_controller(const MsgId& id, Instant now) {
  Task& task = tasks_[id];
  if (std::exchange(task.has_arrived, true)) return;
  task.arrival = ++arrivals_;
  task.waiting_since = now;
  ++open_count_;
}

TaskBook::Standing TaskBook::standing_of(const Dependency& dependency) const {
  std::size_t wanted = 0;
  std::size_t unwanted = 0;
  for (const MsgId& id : dependency.ids) {
    const auto task = tasks_.find(id);
    if (task == tasks_.end() || !task->second.has_ended) continue;
    const bool counts = task->second.ended_ok ? dependency.success : dependency.failure;
    ++(counts ? wanted : unwanted);
  }
  const std::size_t total = dependency.ids.size();
  if (total == 0 || (dependency.all ? wanted == total : wanted > 0)) return Standing::kMet;
  const bool is_lost = dependency.all ? unwanted > 0 : unwanted == total;
  return is_lost ? Standing::kUnreachable : Standing::kWaiting;
}

/// Whether the controller may, or must, take this attempt for finished.
bool TaskBook::is_over(const Attempt& attempt, Instant now) const {
  return attempt.result || (attempt.left_at && *attempt.left_at + rules_.grace <= now);
}

std::size_t TaskBook::load_of(const EngineUuid& engine, Instant now) const {
  const auto begun = begun_on_.find(engine);
  if (begun == begun_on_.end()) return 0;
  return static_cast<std::size_t>(
      std::count_if(begun->second.begin(), begun->second.end(),
                    [&](const MsgId& id) { return !is_over(tasks_.at(id).attempts.back(), now); }));
}

/// Of a result that came after the grace nobody can tell whether it was taken or the attempt was
/// stranded before; hence two bounds.
std::size_t TaskBook::failures_of(const Task& task, Bound bound) const {
  const auto has_failed = [bound](const Attempt& attempt) {
    if (!attempt.result) return true;
    if (attempt.is_late) return bound == Bound::kMost || attempt.terms.dependencies_met;
    return attempt.terms.dependencies_met && attempt.terms.status != ReplyStatus::kOk;
  };
  return static_cast<std::size_t>(
      std::count_if(task.attempts.begin(), task.attempts.end(), has_failed));
}

/// `leniently`: a leader that failed without a last word of an engine may count as run where it was
/// given to, for so records have it.
bool TaskBook::follow_allows(const Dependency& follow, const EngineUuid& engine,
                             bool leniently) const {
  if (follow.ids.empty()) return true;
  const auto ran_here = [&](const MsgId& id) {
    const auto task = tasks_.find(id);
    if (task == tasks_.end() || !task->second.has_ended) return false;
    const bool counts = task->second.ended_ok ? follow.success : follow.failure;
    if (task->second.ended_on) return counts && task->second.ended_on == engine;
    return leniently && counts && !task->second.attempts.empty() &&
           task->second.attempts.back().engine == engine;
  };
  return follow.all ? std::all_of(follow.ids.begin(), follow.ids.end(), ran_here)
                    : std::any_of(follow.ids.begin(), follow.ids.end(), ran_here);
}

/// Whether the engine has said that it cannot run the task, or failed at it while the task has a
/// time to wait for better ones; now, or in an earlier life under the same name as well.
bool TaskBook::has_refused(const Task& task, const EngineUuid& engine, bool in_this_life) const {
  const auto facts = engines_.find(engine);
  if (facts == engines_.end()) return false;
  return std::any_of(task.attempts.begin(), task.attempts.end(), [&](const Attempt& attempt) {
    if (attempt.engine != engine) return false;
    if (in_this_life && attempt.joins != facts->second.joins) return false;
    const bool has_failed = !attempt.result || attempt.terms.status != ReplyStatus::kOk;
    return (attempt.result && !attempt.terms.dependencies_met) ||
           (has_failed && task.wish.terms.timeout);
  });
}

void TaskBook::assigned(const MsgId& id, const EngineUuid& engine, Instant now) {
  const bool is_new = !tasks_.contains(id);
  Task& task = tasks_[id];
  if (is_new) {
    task.is_internal = true;
    task.has_arrived = true;
  }
  EngineFacts& facts = engines_[engine];
  expect(facts.is_here, id, "given to engine " + engine.str() + ", which is not registered");
  expect(!task.has_ended, id, "given to an engine after its end");
  if (!task.attempts.empty()) {
    const Attempt& last = task.attempts.back();
    expect(is_over(last, now), id,
           "given to " + engine.str() + " while " + last.engine.str() + " has it");
    begun_on_[last.engine].erase(id);
  }
  if (!rules_.is_pure) {
    const TaskTerms& terms = task.wish.terms;
    expect(rules_.hwm == 0 || load_of(engine, now) < rules_.hwm, id,
           "one too many for engine " + engine.str());
    expect(standing_of(terms.after) == Standing::kMet, id, "runs before what it comes after");
    expect(follow_allows(terms.follow, engine, /*leniently=*/true), id, "does not follow");
    expect(terms.targets.empty() ||
               std::find(terms.targets.begin(), terms.targets.end(), engine) != terms.targets.end(),
           id, "runs on " + engine.str() + ", which is none of its targets");
    expect(!has_refused(task, engine, /*in_this_life=*/true), id,
           "given to " + engine.str() + ", which refused it");
    expect(failures_of(task, Bound::kLeast) <= terms.retries, id, "tried too often");
  } else {
    expect(task.attempts.empty(), id, "tried again by a scheduler that does not retry");
  }
  task.attempts.push_back({engine, facts.joins, {}, {}, {}, {}});
  begun_on_[engine].insert(id);
}

void TaskBook::replied(const MsgId& id, const EngineUuid& engine, const ReplyTerms& terms,
                       std::string_view content, Instant now) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || found->second.has_ended || found->second.attempts.empty()) return;
  Task& task = found->second;
  Attempt& attempt = task.attempts.back();
  if (attempt.engine != engine || attempt.result) return;  // too late for another attempt
  attempt.result = std::string(content);
  attempt.terms = terms;
  begun_on_[engine].erase(id);
  // After the grace the controller may have stranded the task already.
  attempt.is_late = attempt.left_at && *attempt.left_at + rules_.grace <= now;
  if (attempt.is_late) return;
  task.waiting_since = now;
  if (!task.is_internal) return;
  const bool is_last = rules_.is_pure || terms.dependencies_met;
  if (!is_last) return;
  task.has_ended = true;
  task.ended_at = now;
  task.answer = std::string(content);
  task.ended_on = engine;
}

void TaskBook::answered(const MsgId& id, std::optional<EngineUuid> engine, std::string_view content,
                        Instant now) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end() || !found->second.has_arrived || found->second.is_internal) {
    return findings_.add("an answer to task " + id.str() + ", which nobody asked for");
  }
  Task& task = found->second;
  if (task.has_ended) return findings_.add("task " + id.str() + " is answered twice");
  const std::string ename = text_at(content, "ename").value_or("");
  const bool from_engine = engine && !task.attempts.empty() && task.attempts.back().result;
  if (from_engine) {
    const Attempt& attempt = task.attempts.back();
    expect(attempt.engine == *engine, id, "answered by " + engine->str() + ", which has it not");
    expect(*attempt.result == content, id, "answered with what no engine said");
    expect(attempt.terms.dependencies_met || rules_.is_pure, id, "a refusal was passed on");
    expect(attempt.terms.status == ReplyStatus::kOk || rules_.is_pure ||
               failures_of(task, Bound::kMost) > task.wish.terms.retries,
           id, "given up although retries are left");
  } else {
    check_refusal(id, task, ename, now);
  }
  task.has_ended = true;
  task.ended_ok = from_engine && task.attempts.back().terms.status == ReplyStatus::kOk;
  task.ended_at = now;
  task.answer = std::string(content);
  if (engine) {
    task.ended_on = engine;
    task.ended_on_joins = task.attempts.empty() ? 0 : task.attempts.back().joins;
    begun_on_[*engine].erase(id);
  }
  --open_count_;
}

void TaskBook::check_refusal(const MsgId& id, const Task& task, const std::string& ename,
                             Instant now) {
  if (task.wish.is_malformed) {
    return expect(ename == "ValueError", id, "metadata that nobody can read led to " + ename);
  }
  if (ename == "InvalidDependency") {
    expect(may_be_invalid(id, task), id, "failed as invalid, which it is not");
  } else if (ename == "ImpossibleDependency") {
    expect(may_be_impossible(task), id, "failed as impossible, which it is not");
  } else if (ename == "TaskTimeout") {
    expect(may_have_timed_out(task, now), id, "timed out too early");
  } else if (ename == "EngineError") {
    expect(may_be_stranded(task, now), id, "given up without reason");
  } else {
    expect(false, id, "failed with " + ename);
  }
}

bool TaskBook::may_be_invalid(const MsgId& id, const Task& task) const {
  const TaskTerms& terms = task.wish.terms;
  if (!terms.after.makes_sense() || !terms.follow.makes_sense() || rules_.store_fails) return true;
  const auto is_unknown = [&](const MsgId& dependency) {
    const auto found = tasks_.find(dependency);
    return dependency == id || found == tasks_.end() || !found->second.has_arrived ||
           found->second.arrival > task.arrival || may_be_purged(dependency);
  };
  return std::any_of(terms.after.ids.begin(), terms.after.ids.end(), is_unknown) ||
         std::any_of(terms.follow.ids.begin(), terms.follow.ids.end(), is_unknown);
}

bool TaskBook::may_be_impossible(const Task& task) const {
  const TaskTerms& terms = task.wish.terms;
  if (standing_of(terms.after) == Standing::kUnreachable ||
      standing_of(terms.follow) == Standing::kUnreachable) {
    return true;
  }
  if (terms.targets.empty() && terms.follow.ids.empty()) return false;
  if (!terms.targets.empty() &&
      std::all_of(terms.targets.begin(), terms.targets.end(), [&](const EngineUuid& target) {
        return has_refused(task, target, /*in_this_life=*/false);
      })) {
    return true;
  }
  if (standing_of(terms.follow) != Standing::kMet || has_open_leader(terms.follow)) {
    return terms.follow.all && is_out_of_reach(terms.follow);
  }
  for (const auto& [engine, facts] : engines_) {
    if (!facts.is_here || has_refused(task, engine, /*in_this_life=*/false)) continue;
    const bool is_target =
        terms.targets.empty() ||
        std::find(terms.targets.begin(), terms.targets.end(), engine) != terms.targets.end();
    if (!is_target || !follow_allows(terms.follow, engine, /*leniently=*/false)) continue;
    // An engine that came back under its name is not where the others ran.
    const std::uint64_t joins = facts.joins;
    const bool is_same =
        std::all_of(terms.follow.ids.begin(), terms.follow.ids.end(), [&](const MsgId& id) {
          const auto leader = tasks_.find(id);
          return leader == tasks_.end() || leader->second.ended_on != engine ||
                 leader->second.ended_on_joins == joins;
        });
    if (is_same) return false;  // it could run there
  }
  return true;
}

bool TaskBook::has_open_leader(const Dependency& follow) const {
  return std::any_of(follow.ids.begin(), follow.ids.end(), [this](const MsgId& id) {
    const auto task = tasks_.find(id);
    return task != tasks_.end() && !task->second.has_ended;
  });
}

/// Whether no engine that is here has run, or will have run, all of these.
bool TaskBook::is_out_of_reach(const Dependency& follow) const {
  std::set<EngineUuid> engines;
  for (const MsgId& id : follow.ids) {
    const auto leader = tasks_.find(id);
    if (leader == tasks_.end() || !leader->second.has_ended) continue;
    if (!leader->second.ended_on) return true;
    const auto facts = engines_.find(*leader->second.ended_on);
    if (!facts->second.is_here || facts->second.joins != leader->second.ended_on_joins) return true;
    engines.insert(*leader->second.ended_on);
  }
  return engines.size() > 1;
}

bool TaskBook::may_have_timed_out(const Task& task, Instant now) const {
  if (!task.wish.terms.timeout) return false;
  Instant since = task.waiting_since;
  if (!task.attempts.empty() && !task.attempts.back().result) {
    const Attempt& lost = task.attempts.back();
    if (!lost.left_at) return false;  // it runs
    since = *lost.left_at + rules_.grace;
  }
  // On the wire a timeout has microseconds.
  return since + *task.wish.terms.timeout - std::chrono::microseconds(2) <= now;
}

bool TaskBook::may_be_stranded(const Task& task, Instant now) const {
  if (task.attempts.empty() || task.attempts.back().result) return false;
  return is_over(task.attempts.back(), now) &&
         (rules_.is_pure || failures_of(task, Bound::kMost) > task.wish.terms.retries);
}

void TaskBook::engine_joined(const EngineUuid& engine, Instant) {
  EngineFacts& facts = engines_[engine];
  if (facts.is_here) findings_.add("engine " + engine.str() + " is announced twice");
  facts.is_here = true;
  ++facts.joins;
}

void TaskBook::engine_left(const EngineUuid& engine, Instant now) {
  EngineFacts& facts = engines_[engine];
  if (!facts.is_here) findings_.add("engine " + engine.str() + " leaves without having been here");
  facts.is_here = false;
  for (const MsgId& id : begun_on_[engine]) {
    Attempt& attempt = tasks_.at(id).attempts.back();
    if (!attempt.left_at) attempt.left_at = now;
  }
}

void TaskBook::may_purge(const std::vector<MsgId>& ids) {
  for (const MsgId& id : ids) {
    const auto task = tasks_.find(id);
    if (task != tasks_.end()) task->second.may_be_purged = true;
  }
}

bool TaskBook::may_be_purged(const MsgId& id) const {
  const auto task = tasks_.find(id);
  if (task == tasks_.end()) return true;
  if (task->second.may_be_purged || purges_open_ > 0) return true;
  if (!all_purged_) return false;
  // Nobody sees the end of an internal task that is lost with its engine.
  return task->second.has_ended ? task->second.ended_at <= *all_purged_ : task->second.is_internal;
}

const Behaviour& TaskBook::behaviour_of(const MsgId& id) const {
  static const Behaviour kPlain{5, 0, std::chrono::milliseconds(20)};
  const auto task = tasks_.find(id);
  return task == tasks_.end() ? kPlain : task->second.wish.behaviour;
}

std::optional<std::string> TaskBook::answer_to(const MsgId& id) const {
  const auto task = tasks_.find(id);
  if (task == tasks_.end() || !task->second.has_ended) return std::nullopt;
  return task->second.answer;
}

std::string TaskBook::open_text() const {
  std::string text;
  for (const auto& [id, task] : tasks_) {
    if (!task.has_arrived || task.has_ended) continue;
    text += "    " + id.str() + ", " + std::to_string(task.attempts.size()) + " attempts";
    if (!task.attempts.empty()) text += ", last on " + task.attempts.back().engine.str();
    text += "\n";
  }
  return text;
}

void TaskBook::check_records(TaskStore& store) const {
  for (const auto& [id, task] : tasks_) {
    if (!task.has_arrived || may_be_purged(id)) continue;
    const auto record = store.get(id);
    if (!record || !*record) {
      findings_.add("task " + id.str() + " has no record");
      continue;
    }
    if (!(*record)->completed) findings_.add("the record of " + id.str() + " has no end");
    if (!task.has_ended) continue;
    if ((*record)->result_content != task.answer) {
      findings_.add("the record of " + id.str() + " says " +
                    (*record)->result_content.value_or("nothing") + ", its answer was " +
                    task.answer);
    }
    if (task.ended_on && (*record)->engine_uuid != task.ended_on->str()) {
      findings_.add("the record of " + id.str() + " names another engine");
    }
  }
}

}  // namespace trireme::sim
