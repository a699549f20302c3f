#include <trireme/client.hpp>
#include <trireme/view.hpp>

#include "client/call_request.hpp"
#include "client/client_state.hpp"
#include "client/split.hpp"
#include "session/message_type.hpp"

namespace trireme {
namespace {

std::vector<CallRequest> one(CallRequest request) {
  std::vector<CallRequest> requests;
  requests.push_back(std::move(request));
  return requests;
}

}  // namespace

AsyncCall EngineView::call(std::string_view function, List args, Dict kwargs) const {
  return state_->call_direct(state_->resolve(id_), one(apply_request(function, args, kwargs)));
}

AsyncResult<Value> EngineView::apply(std::string_view function, List args, Dict kwargs) const {
  return AsyncResult<Value>(call(function, std::move(args), std::move(kwargs)));
}

AsyncResult<ExecuteResult> EngineView::execute(std::string_view code, bool silent) const {
  return AsyncResult<ExecuteResult>(
      state_->call_direct(state_->resolve(id_), one(execute_request(code, silent))));
}

AsyncResult<void> EngineView::push(const Dict& items) const {
  return AsyncResult<void>(state_->call_direct(state_->resolve(id_), one(push_request(items))));
}
AsyncCall EngineView::pull_one(std::string_view name) const {
  return state_->call_direct(state_->resolve(id_), one(pull_request(name)));
}
AsyncResult<std::vector<std::string>> EngineView::keys() const {
  return AsyncResult<std::vector<std::string>>(
      state_->call_direct(state_->resolve(id_), one(keys_request())));
}
AsyncResult<void> EngineView::clear() const {
  return AsyncResult<void>(
      state_->control(state_->resolve(id_), wire_name(MessageType::kClearRequest), {}, false));
}

AsyncCall GroupView::send(CallRequest request) const {
  const std::vector<EngineInfo> engines = state_->resolve(targets_);
  if (route_ == Route::kDirect) return state_->call_direct(engines, one(std::move(request)));
  return state_->call_broadcast(engines, std::move(request), route_ == Route::kCoalescing);
}

AsyncCall GroupView::call(std::string_view function, List args, Dict kwargs) const {
  const ResultForm form = route_ == Route::kCoalescing ? ResultForm::kPacked : ResultForm::kContent;
  return send(apply_request(function, args, kwargs, form));
}

AsyncResults<Value> GroupView::apply(std::string_view function, List args, Dict kwargs) const {
  return AsyncResults<Value>(call(function, std::move(args), std::move(kwargs)));
}
AsyncResult<CodeCompletions> EngineView::complete(std::string_view code, std::size_t cursor) const {
  return AsyncResult<CodeCompletions>(
      state_->call_direct(state_->resolve(id_), one(complete_request(code, cursor))));
}

AsyncResults<ExecuteResult> GroupView::execute(std::string_view code, bool silent) const {
  return AsyncResults<ExecuteResult>(send(execute_request(code, silent)));
}
AsyncResults<void> GroupView::push(const Dict& items) const {
  return AsyncResults<void>(send(push_request(items)));
}
AsyncCall GroupView::pull_one(std::string_view name) const { return send(pull_request(name)); }
AsyncResults<std::vector<std::string>> GroupView::keys() const {
  return AsyncResults<std::vector<std::string>>(send(keys_request()));
}

AsyncCall DirectView::map_calls(std::string_view function, List argument_lists) const {
  std::vector<EngineInfo> engines = state_->resolve(targets_);
  const Value lists(std::move(argument_lists));
  const std::size_t used = std::min(engines.size(), lists.size());
  engines.resize(used);
  std::vector<CallRequest> requests;
  if (used == 0) return state_->call_balanced({}, {}, {});
  for (const Part& part : split_evenly(lists.size(), used)) {
    requests.push_back(map_request(function, slice_value(lists, part)));
  }
  return state_->call_direct(engines, std::move(requests));
}

AsyncResults<void> DirectView::scatter(std::string_view name, const Value& sequence) const {
  const std::vector<EngineInfo> engines = state_->resolve(targets_);
  std::vector<CallRequest> requests;
  for (const Part& part : split_evenly(sequence.size(), engines.size())) {
    requests.push_back(push_request(Dict{{std::string(name), slice_value(sequence, part)}}));
  }
  return AsyncResults<void>(state_->call_direct(engines, std::move(requests)));
}

AsyncResults<void> DirectView::clear() const {
  return AsyncResults<void>(
      state_->control(state_->resolve(targets_), wire_name(MessageType::kClearRequest), {}, false));
}

LoadBalancedView LoadBalancedView::with(TaskOptions options) const {
  LoadBalancedView changed = *this;
  changed.options_ = std::move(options);
  return changed;
}
LoadBalancedView LoadBalancedView::after(TaskDependency dependency) const {
  LoadBalancedView changed = *this;
  changed.options_.after = std::move(dependency);
  return changed;
}
LoadBalancedView LoadBalancedView::follow(TaskDependency dependency) const {
  LoadBalancedView changed = *this;
  changed.options_.follow = std::move(dependency);
  return changed;
}
LoadBalancedView LoadBalancedView::retries(int count) const {
  LoadBalancedView changed = *this;
  changed.options_.retries = count;
  return changed;
}
LoadBalancedView LoadBalancedView::timeout(std::chrono::duration<double> limit) const {
  LoadBalancedView changed = *this;
  changed.options_.timeout = limit;
  return changed;
}
LoadBalancedView LoadBalancedView::targets(std::vector<int> ids) const {
  LoadBalancedView changed = *this;
  changed.options_.targets = std::move(ids);
  return changed;
}
LoadBalancedView LoadBalancedView::label(std::string text) const {
  LoadBalancedView changed = *this;
  changed.options_.label = std::move(text);
  return changed;
}

AsyncCall LoadBalancedView::call(std::string_view function, List args, Dict kwargs) const {
  return state_->call_balanced(options_, one(apply_request(function, args, kwargs)), {});
}
AsyncResult<Value> LoadBalancedView::apply(std::string_view function, List args,
                                           Dict kwargs) const {
  return AsyncResult<Value>(call(function, std::move(args), std::move(kwargs)));
}
AsyncResult<ExecuteResult> LoadBalancedView::execute(std::string_view code, bool silent) const {
  return AsyncResult<ExecuteResult>(
      state_->call_balanced(options_, one(execute_request(code, silent)), {}));
}

AsyncCall LoadBalancedView::map_calls(std::string_view function, List argument_lists,
                                      MapOptions options) const {
  std::vector<CallRequest> requests;
  std::vector<std::size_t> items;
  if (options.chunk_size <= 1) {
    for (const Value& arguments : argument_lists) {
      requests.push_back(apply_request(function, arguments.as_list(), {}));
    }
    return state_->call_balanced(options_, std::move(requests), items);
  }
  const Value lists(std::move(argument_lists));
  for (const Part& part : split_by_size(lists.size(), options.chunk_size)) {
    requests.push_back(map_request(function, slice_value(lists, part)));
    items.push_back(part.count);
  }
  return state_->call_balanced(options_, std::move(requests), items);
}

AsyncResults<Value> LoadBalancedView::map_list(std::string_view function, List argument_lists,
                                               MapOptions options) const {
  using Results = AsyncResults<Value>;
  return Results(
      map_calls(function, std::move(argument_lists), options),
      options.chunk_size > 1 ? Results::Layout::kListPerTask : Results::Layout::kOnePerTask);
}

LazyMapCore LoadBalancedView::lazy_map(std::string_view function, LazyMapCore::Inputs inputs,
                                       LazyMapOptions options) const {
  auto submit = [view = *this, name = std::string(function)](List arguments) {
    return view.apply(name, std::move(arguments));
  };
  return LazyMapCore(std::move(inputs), std::move(submit), options);
}

}  // namespace trireme
