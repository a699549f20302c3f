// The rules, word for word, without a thought for speed.
#include "tests/model/naive_scheduler.hpp"

#include <algorithm>
#include <utility>

namespace trireme {

// ---- what dependencies ask ----

bool NaiveScheduler::met(const Dependency& dependency, const std::set<std::string>& ids,
                         const std::map<std::string, Ending>& ended) {
  if (ids.empty()) return true;
  const auto as_wanted = [&](const std::string& id) {
    auto found = ended.find(id);
    return found != ended.end() && (found->second.ok ? dependency.success : dependency.failure);
  };
  return dependency.all ? std::all_of(ids.begin(), ids.end(), as_wanted)
                        : std::any_of(ids.begin(), ids.end(), as_wanted);
}

bool NaiveScheduler::unreachable(const Dependency& dependency, const std::set<std::string>& ids,
                                 const std::map<std::string, Ending>& ended) {
  if (ids.empty()) return false;
  const auto otherwise = [&](const std::string& id) {
    auto found = ended.find(id);
    return found != ended.end() && !(found->second.ok ? dependency.success : dependency.failure);
  };
  return dependency.all ? std::any_of(ids.begin(), ids.end(), otherwise)
                        : std::all_of(ids.begin(), ids.end(), otherwise);
}

std::set<NaiveScheduler::Incarnation> NaiveScheduler::follow_engines(const NaiveTask& task) const {
  const Dependency& follow = task.request.terms.follow;
  std::set<Incarnation> engines;
  for (const auto& [id, ending] : task.follow_ended) {
    if ((ending.ok ? follow.success : follow.failure) && ending.engine) {
      engines.insert(*ending.engine);
    }
  }
  return engines;
}

bool NaiveScheduler::ready(const NaiveTask& task) const {
  if (options_.scheme == Scheme::kPure) return task.state == State::kWaiting;
  const TaskTerms& terms = task.request.terms;
  return task.state == State::kWaiting && met(terms.after, task.after_ids, task.after_ended) &&
         met(terms.follow, task.follow_ids, task.follow_ended);
}

bool NaiveScheduler::restricted(const NaiveTask& task) const {
  return options_.scheme != Scheme::kPure &&
         (!task.request.terms.targets.empty() || !task.follow_ids.empty());
}

/// Whether a waiting task can never run.
bool NaiveScheduler::doomed(const NaiveTask& task) const {
  if (options_.scheme == Scheme::kPure) return false;
  const TaskTerms& terms = task.request.terms;
  if (unreachable(terms.after, task.after_ids, task.after_ended)) return true;
  if (unreachable(terms.follow, task.follow_ids, task.follow_ended)) return true;
  if (terms.follow.all && !task.follow_ids.empty()) {
    if (follow_engines(task).size() > 1) return true;
    for (const auto& [id, ending] : task.follow_ended) {
      if (!ending.engine) return true;  // it counts (else unreachable) but ran nowhere
    }
  }
  if (!ready(task) || !restricted(task)) return false;
  const auto refused = [&](const EngineUuid& target) {
    const Engine* known = engine(target.str());
    return known != nullptr && banned(task, known->incarnation, BanKind::kNever);
  };
  if (!terms.targets.empty() && std::all_of(terms.targets.begin(), terms.targets.end(), refused)) {
    return true;
  }
  return eligible(task).empty() && registered_count() > 0 &&
         task.follow_ended.size() == task.follow_ids.size();
}

// ---- engines ----

const NaiveScheduler::Engine* NaiveScheduler::engine(const std::string& uuid) const {
  for (const Engine& entry : engines_) {
    if (entry.uuid == uuid) return &entry;
  }
  return nullptr;
}

const NaiveScheduler::Engine* NaiveScheduler::engine(Incarnation incarnation) const {
  for (const Engine& entry : engines_) {
    if (entry.incarnation == incarnation) return &entry;
  }
  return nullptr;
}

bool NaiveScheduler::is_registered(const std::string& uuid) const {
  const Engine* found = engine(uuid);
  return found != nullptr && found->registered;
}

std::size_t NaiveScheduler::registered_count() const {
  return static_cast<std::size_t>(std::count_if(
      engines_.begin(), engines_.end(), [](const Engine& entry) { return entry.registered; }));
}

std::size_t NaiveScheduler::load(Incarnation incarnation) const {
  return static_cast<std::size_t>(
      std::count_if(tasks_.begin(), tasks_.end(), [&](const NaiveTask& task) {
        return task.state == State::kRunning && task.engine == incarnation;
      }));
}

bool NaiveScheduler::banned(const NaiveTask& task, Incarnation incarnation, BanKind kind) const {
  auto found = task.bans.find(incarnation);
  return found != task.bans.end() && found->second == kind;
}

/// Registered engines that targets, follow and refusals leave, in the order of the list.
std::vector<NaiveScheduler::Incarnation> NaiveScheduler::eligible(const NaiveTask& task) const {
  const std::vector<EngineUuid>& targets = task.request.terms.targets;
  const std::set<Incarnation> ran_on = follow_engines(task);
  std::vector<Incarnation> engines;
  for (const Engine& entry : engines_) {
    if (!entry.registered) continue;
    const bool pure = options_.scheme == Scheme::kPure;
    if (!pure && !targets.empty() &&
        std::find(targets.begin(), targets.end(), EngineUuid(entry.uuid)) == targets.end()) {
      continue;
    }
    if (!pure && !task.follow_ids.empty() && !ran_on.contains(entry.incarnation)) continue;
    if (banned(task, entry.incarnation, BanKind::kNever)) continue;
    engines.push_back(entry.incarnation);
  }
  return engines;
}

std::vector<NaiveScheduler::Incarnation> NaiveScheduler::allowed_with_room(
    const NaiveTask& task) const {
  std::vector<Incarnation> engines = eligible(task);
  const auto failed_there = [&](Incarnation incarnation) {
    return banned(task, incarnation, BanKind::kAvoid);
  };
  if (!std::all_of(engines.begin(), engines.end(), failed_there)) {
    std::erase_if(engines, failed_there);
  }
  if (options_.hwm > 0 && options_.scheme != Scheme::kPure) {
    std::erase_if(engines, [&](Incarnation entry) { return load(entry) >= options_.hwm; });
  }
  return engines;
}

std::optional<std::string> NaiveScheduler::next_to_run() const {
  for (const NaiveTask& task : tasks_) {
    if (ready(task) && !allowed_with_room(task).empty()) return task.request.msg_id.str();
  }
  return std::nullopt;
}

std::set<std::string> NaiveScheduler::legal_engines(const std::string& id) const {
  const std::vector<Incarnation> engines = allowed_with_room(*find_live(id));
  std::set<std::string> legal;
  const auto lighter = [this](Incarnation left, Incarnation right) {
    return load(left) < load(right);
  };
  switch (options_.scheme) {
    case Scheme::kLeastLoad:
      return {engine(*std::min_element(engines.begin(), engines.end(), lighter))->uuid};
    case Scheme::kLru:
    case Scheme::kPure:
      return {engine(engines.front())->uuid};
    default:
      for (Incarnation incarnation : engines) legal.insert(engine(incarnation)->uuid);
      return legal;
  }
}

void NaiveScheduler::run(const std::string& id, const std::string& uuid) {
  NaiveTask& task = *live(id);
  auto found = std::find_if(engines_.begin(), engines_.end(),
                            [&](const Engine& entry) { return entry.uuid == uuid; });
  task.state = State::kRunning;
  task.engine = found->incarnation;
  task.run = ++runs_;
  task.deadline.reset();
  std::rotate(found, found + 1, engines_.end());
}

// ---- events ----

NaiveScheduler::NaiveTask* NaiveScheduler::live(const std::string& id) {
  for (NaiveTask& task : tasks_) {
    if (task.request.msg_id.str() == id && task.state != State::kEnded) return &task;
  }
  return nullptr;
}

const NaiveScheduler::NaiveTask* NaiveScheduler::find_live(const std::string& id) const {
  for (const NaiveTask& task : tasks_) {
    if (task.request.msg_id.str() == id && task.state != State::kEnded) return &task;
  }
  return nullptr;
}

bool NaiveScheduler::is_remembered(const std::string& id) const {
  return std::any_of(remembered_.begin(), remembered_.end(),
                     [&](const auto& entry) { return entry.first == id; });
}

void NaiveScheduler::remember(const std::string& id, const Ending& ending) {
  for (auto& [known, old] : remembered_) {
    if (known == id) {
      old = ending;
      return;
    }
  }
  remembered_.emplace_back(id, ending);
  if (remembered_.size() > options_.outcomes_remembered) remembered_.erase(remembered_.begin());
}

void NaiveScheduler::note_order_of_endings(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    auto found = ended_now_.find(id);
    if (found != ended_now_.end()) remember(id, found->second);
  }
  ended_now_.clear();
}

void NaiveScheduler::end(NaiveTask& task, const Ending& ending) {
  const std::string id = task.request.msg_id.str();
  task.state = State::kEnded;
  task.ending = ending;
  if (ending.engine) engine_names_[id] = engine(*ending.engine)->uuid;
  ended_now_[id] = ending;
  for (NaiveTask& other : tasks_) {
    const auto asked = [&](Gate gate) {
      return std::find(other.asked.begin(), other.asked.end(), std::pair{id, gate}) !=
             other.asked.end();
    };
    if (other.after_ids.contains(id) && !asked(Gate::kAfter)) {
      other.after_ended.emplace(id, ending);
    }
    if (other.follow_ids.contains(id) && !asked(Gate::kFollow)) {
      other.follow_ended.emplace(id, ending);
    }
  }
}

void NaiveScheduler::fail(NaiveTask& task, const std::string& why) {
  lines_.push_back("fail " + task.request.msg_id.str() + ": " + why);
  end(task, {});
}

void NaiveScheduler::settle() {
  for (bool changed = true; changed;) {
    changed = false;
    for (NaiveTask& task : tasks_) {
      if (task.state != State::kWaiting || !doomed(task)) continue;
      fail(task, "ImpossibleDependency");
      changed = true;
    }
  }
  forget_idle_engines();
}

void NaiveScheduler::forget_idle_engines() {
  std::erase_if(engines_, [this](const Engine& entry) {
    return !entry.registered && load(entry.incarnation) == 0;
  });
}

void NaiveScheduler::submit(const TaskSubmission& request, Instant now) {
  const std::string id = request.msg_id.str();
  if (find_live(id) != nullptr) {
    lines_.push_back("drop " + id + ": duplicate of a live task");
    return;
  }
  if (is_remembered(id)) {
    lines_.push_back("drop " + id + ": duplicate of an ended task");
    return;
  }
  NaiveTask& task = tasks_.emplace_back();
  task.request = request;
  const TaskTerms& terms = task.request.terms;
  task.retries = terms.retries;
  if (options_.scheme == Scheme::kPure) return;
  if (terms.timeout) task.deadline = now + *terms.timeout;
  for (const MsgId& dependency : terms.after.ids) task.after_ids.insert(dependency.str());
  for (const MsgId& dependency : terms.follow.ids) task.follow_ids.insert(dependency.str());
  if (!terms.after.makes_sense() || !terms.follow.makes_sense() || !resolve(task)) {
    fail(task, "InvalidDependency");
  } else if (!task.asked.empty()) {
    task.state = State::kChecking;
    std::string line = "look up";
    std::set<std::string> ids;
    for (const auto& [dependency, gate] : task.asked) ids.insert(dependency);
    for (const std::string& dependency : ids) line += " " + dependency;
    lines_.push_back(line + " for " + id);
  }
  settle();
}

bool NaiveScheduler::resolve(NaiveTask& task) {
  for (const Gate gate : {Gate::kAfter, Gate::kFollow}) {
    const bool is_after = gate == Gate::kAfter;
    const std::set<std::string>& ids = is_after ? task.after_ids : task.follow_ids;
    std::map<std::string, Ending>& ended = is_after ? task.after_ended : task.follow_ended;
    for (const auto& [id, ending] : remembered_) {
      if (ids.contains(id)) ended.emplace(id, ending);
    }
    if (is_after && met(task.request.terms.after, ids, ended)) continue;
    if (ids.contains(task.request.msg_id.str())) return false;
    for (const std::string& id : ids) {
      if (!ended.contains(id) && find_live(id) == nullptr) task.asked.emplace_back(id, gate);
    }
  }
  return true;
}

void NaiveScheduler::outcomes(const std::string& id, const std::vector<PastOutcome>& known) {
  NaiveTask* task = live(id);
  if (task == nullptr || task->state != State::kChecking) return;
  task->state = State::kWaiting;
  // From now on the task hears of everything that ends.
  for (const auto& [dependency, gate] : std::exchange(task->asked, {})) {
    auto answer = std::find_if(known.begin(), known.end(), [&](const PastOutcome& past) {
      return past.msg_id.str() == dependency;
    });
    if (answer == known.end()) {
      if (is_remembered(dependency)) {
        const auto past =
            std::find_if(remembered_.begin(), remembered_.end(),
                         [&](const auto& entry) { return entry.first == dependency; });
        (gate == Gate::kAfter ? task->after_ended : task->follow_ended)
            .emplace(dependency, past->second);
        continue;
      }
      if (find_live(dependency) != nullptr) continue;
      fail(*task, "InvalidDependency");
      break;
    }
    Ending ending{answer->ended_ok, std::nullopt};
    if (answer->engine) {
      const Engine* where = engine(answer->engine->str());
      ending.engine = where == nullptr ? kGone : where->incarnation;
    }
    (gate == Gate::kAfter ? task->after_ended : task->follow_ended).emplace(dependency, ending);
    if (find_live(dependency) == nullptr) remember(dependency, ending);
  }
  settle();
}

/// The task waits again after an attempt that did not count.
void NaiveScheduler::try_again(NaiveTask& task, Incarnation where, BanKind kind, Instant now) {
  if (!banned(task, where, BanKind::kNever)) task.bans[where] = kind;
  task.state = State::kWaiting;
  if (task.request.terms.timeout) task.deadline = now + *task.request.terms.timeout;
}

void NaiveScheduler::reply(const std::string& uuid, const std::string& id, const ReplyTerms& terms,
                           Instant now) {
  NaiveTask* task = live(id);
  if (task == nullptr) {
    lines_.push_back("drop " + id + (is_remembered(id) ? ": late" : ": unknown"));
    return;
  }
  if (task->state != State::kRunning || engine(task->engine)->uuid != uuid) {
    lines_.push_back("drop " + id + ": foreign");
    return;
  }
  const bool pure = options_.scheme == Scheme::kPure;
  const bool ok = terms.status == ReplyStatus::kOk;
  if (!pure && !terms.dependencies_met) {
    try_again(*task, task->engine, BanKind::kNever, now);
  } else if (!pure && !ok && task->retries > 0) {
    --task->retries;
    const bool is_bounded = task->request.terms.timeout.has_value();
    try_again(*task, task->engine, is_bounded ? BanKind::kNever : BanKind::kAvoid, now);
  } else {
    lines_.push_back("deliver " + id + " from " + uuid + (ok ? ": ok" : ": failed"));
    end(*task, {ok, task->engine});
  }
  settle();
}

void NaiveScheduler::join(const std::string& uuid) {
  if (is_registered(uuid)) return;
  Engine entry{uuid, incarnations_++, true, {}};
  if (const Engine* departed = engine(uuid)) {
    entry.incarnation = departed->incarnation;
    entry.departures = departed->departures;
    --incarnations_;
    std::erase_if(engines_, [&](const Engine& other) { return other.uuid == uuid; });
  }
  engines_.insert(engines_.begin(), entry);
  settle();
}

void NaiveScheduler::leave(const std::string& uuid, Instant now) {
  for (Engine& entry : engines_) {
    if (entry.uuid != uuid || !entry.registered) continue;
    entry.registered = false;
    entry.departures.push_back({now + options_.engine_grace, runs_});
  }
  settle();
}

void NaiveScheduler::deadline(Instant now) {
  for (NaiveTask& task : tasks_) {
    const bool waits = task.state == State::kWaiting || task.state == State::kChecking;
    if (waits && task.deadline && *task.deadline <= now) fail(task, "TaskTimeout");
  }
  const bool pure = options_.scheme == Scheme::kPure;
  for (Engine& entry : engines_) {
    int lost = 0;
    std::erase_if(entry.departures, [&](const Departure& departure) {
      if (departure.strand_at > now) return false;
      lost = std::max(lost, departure.runs);
      return true;
    });
    for (NaiveTask& task : tasks_) {
      const bool runs_here = task.state == State::kRunning && task.engine == entry.incarnation;
      if (!runs_here || task.run > lost) continue;
      if (!pure && task.retries > 0) {
        --task.retries;
        const bool is_bounded = task.request.terms.timeout.has_value();
        try_again(task, entry.incarnation, is_bounded ? BanKind::kNever : BanKind::kAvoid, now);
      } else {
        lines_.push_back("fail " + task.request.msg_id.str() + ": EngineError");
        end(task, {false, entry.incarnation});
      }
    }
  }
  settle();
}

bool NaiveScheduler::cancel(const std::string& id) {
  NaiveTask* task = live(id);
  if (task == nullptr || task->state == State::kRunning) return false;
  fail(*task, "TaskAborted");
  settle();
  return true;
}

// ---- what a driver asks ----

std::optional<Instant> NaiveScheduler::next_deadline() const {
  std::optional<Instant> next;
  const auto consider = [&](const std::optional<Instant>& when) {
    if (when && (!next || *when < *next)) next = when;
  };
  for (const NaiveTask& task : tasks_) {
    if (task.state == State::kWaiting || task.state == State::kChecking) consider(task.deadline);
  }
  for (const Engine& entry : engines_) {
    for (const Departure& departure : entry.departures) consider(departure.strand_at);
  }
  return next;
}

std::vector<std::string> NaiveScheduler::waiting() const {
  std::vector<std::string> ids;
  for (const NaiveTask& task : tasks_) {
    if (task.state == State::kWaiting || task.state == State::kChecking) {
      ids.push_back(task.request.msg_id.str());
    }
  }
  return ids;
}

std::vector<NaiveScheduler::Assignment> NaiveScheduler::running() const {
  std::vector<Assignment> assignments;
  for (const NaiveTask& task : tasks_) {
    if (task.state != State::kRunning) continue;
    assignments.push_back({task.request.msg_id.str(), engine(task.engine)->uuid});
  }
  return assignments;
}

std::vector<std::string> NaiveScheduler::checking() const {
  std::vector<std::string> ids;
  for (const NaiveTask& task : tasks_) {
    if (task.state == State::kChecking) ids.push_back(task.request.msg_id.str());
  }
  return ids;
}

std::vector<PastOutcome> NaiveScheduler::stored(const std::string& id) const {
  std::vector<PastOutcome> known;
  for (const auto& [dependency, gate] : find_live(id)->asked) {
    for (const NaiveTask& task : tasks_) {
      if (task.request.msg_id.str() != dependency || task.state != State::kEnded) continue;
      PastOutcome past{task.request.msg_id, task.ending.ok, std::nullopt};
      auto name = engine_names_.find(dependency);
      if (task.ending.engine && name != engine_names_.end()) past.engine = EngineUuid(name->second);
      known.push_back(past);
      break;
    }
  }
  return known;
}

}  // namespace trireme
