// Counts endings against what each waiting task wants.
#include "controller/scheduler/dependency_graph.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "session/result.hpp"

namespace trireme {

DependencyGraph::Progress DependencyGraph::progress_of(const Dependency& dependency) {
  return {dependency.all, dependency.success, dependency.failure,
          static_cast<std::uint32_t>(dependency.ids.size())};
}

Verdict DependencyGraph::verdict_of(const Progress& progress) {
  if (progress.total == 0) return Verdict::kMet;
  if (progress.all) {
    if (progress.unwanted > 0) return Verdict::kUnreachable;
    return progress.wanted == progress.total ? Verdict::kMet : Verdict::kWaiting;
  }
  if (progress.wanted > 0) return Verdict::kMet;
  return progress.unwanted == progress.total ? Verdict::kUnreachable : Verdict::kWaiting;
}

const DependencyGraph::Waiter* DependencyGraph::find(TaskSlot task) const {
  auto found = waiters_.find(task);
  return found == waiters_.end() ? nullptr : &found->second;
}

DependencyGraph::Waiter* DependencyGraph::current(TaskRef task) {
  auto found = waiters_.find(task.slot);
  return found == waiters_.end() || found->second.sequence != task.sequence ? nullptr
                                                                            : &found->second;
}

void DependencyGraph::add(TaskRef task, const Dependency& after, const Dependency& follow) {
  Waiter waiter{task.sequence, progress_of(after), progress_of(follow)};
  const bool is_new = waiters_.emplace(task.slot, std::move(waiter)).second;
  TRIREME_CHECK(is_new, "slot " + std::to_string(task.slot) + " waits already");
}

void DependencyGraph::settle(TaskRef task, Gate gate, const Outcome& outcome) {
  Waiter* waiter = current(task);
  TRIREME_CHECK(waiter != nullptr, "no such waiting task");
  Progress& progress = gate == Gate::kAfter ? waiter->after : waiter->follow;
  const bool is_wanted = outcome.ended_ok ? progress.success : progress.failure;
  ++(is_wanted ? progress.wanted : progress.unwanted);
  if (gate == Gate::kAfter || !is_wanted) return;
  if (!outcome.engine) {
    waiter->ran_nowhere = true;
  } else if (std::find(waiter->ran_on.begin(), waiter->ran_on.end(), *outcome.engine) ==
             waiter->ran_on.end()) {
    waiter->ran_on.push_back(*outcome.engine);
  }
}

void DependencyGraph::await(TaskRef task, Gate gate, TaskSlot dependency) {
  Dependents& dependents = dependents_[dependency];
  if (dependents.edges.size() >= dependents.sweep_at) {
    std::erase_if(dependents.edges,
                  [this](const Edge& edge) { return current(edge.waiter) == nullptr; });
    dependents.sweep_at = 2 * dependents.edges.size() + 16;
  }
  dependents.edges.push_back({task, gate});
}

void DependencyGraph::finish(TaskSlot dependency, const Outcome& outcome,
                             std::vector<TaskRef>& touched) {
  if (dependents_.empty()) return;
  auto node = dependents_.extract(dependency);
  if (node.empty()) return;
  for (const Edge& edge : node.mapped().edges) {
    if (current(edge.waiter) == nullptr) continue;
    settle(edge.waiter, edge.gate, outcome);
    touched.push_back(edge.waiter);
  }
}

void DependencyGraph::remove(TaskSlot task) {
  if (!waiters_.empty()) waiters_.erase(task);
}

Verdict DependencyGraph::verdict(TaskSlot task, Gate gate) const {
  const Waiter* waiter = find(task);
  if (waiter == nullptr) return Verdict::kMet;
  return verdict_of(gate == Gate::kAfter ? waiter->after : waiter->follow);
}

bool DependencyGraph::has_follow(TaskSlot task) const {
  const Waiter* waiter = find(task);
  return waiter != nullptr && waiter->follow.total > 0;
}

std::span<const EngineRef> DependencyGraph::follow_engines(TaskSlot task) const {
  const Waiter* waiter = find(task);
  if (waiter == nullptr) return {};
  return waiter->ran_on;
}

bool DependencyGraph::follow_is_impossible(TaskSlot task) const {
  const Waiter* waiter = find(task);
  if (waiter == nullptr || !waiter->follow.all) return false;
  return waiter->ran_nowhere || waiter->ran_on.size() > 1;
}

bool DependencyGraph::follow_is_complete(TaskSlot task) const {
  const Waiter* waiter = find(task);
  if (waiter == nullptr) return true;
  const Progress& follow = waiter->follow;
  return follow.wanted + follow.unwanted == follow.total;
}

void DependencyGraph::check_invariants() const {
  for (const auto& [slot, waiter] : waiters_) {
    for (const Progress* progress : {&waiter.after, &waiter.follow}) {
      TRIREME_CHECK(progress->wanted + progress->unwanted <= progress->total,  // (1), (2)
                    "slot " + std::to_string(slot) + " was told of more endings than it has ids");
    }
  }
}

}  // namespace trireme
