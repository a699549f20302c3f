// Decode the call, find the function, call it, encode what it returns.
#include "engine/function_executor.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/task_failure.hpp"
#include "session/value_codec.hpp"

namespace trireme {
namespace {

/// Edits that turn one name into the other, at most `limit` (then `limit` is returned).
std::size_t distance(std::string_view left, std::string_view right, std::size_t limit) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return std::min(row.back(), limit);
}

/// The registered name that looks most like `wanted`, or empty.
std::string nearest(const std::vector<std::string>& names, std::string_view wanted) {
  constexpr std::size_t kWantedBytesMax = 256;
  constexpr std::size_t kDistanceMax = 4;
  std::string best;
  if (wanted.size() > kWantedBytesMax) return best;
  std::size_t best_distance = kDistanceMax;
  for (const std::string& name : names) {
    const std::size_t edits = distance(name, wanted, kDistanceMax);
    if (edits < best_distance) {
      best = name;
      best_distance = edits;
    }
  }
  return best;
}

}  // namespace

TaskFailure unusable_function(const FunctionTable& table, const std::string& name,
                              const Error& error) {
  if (error.code != ErrorCode::kNotFound) {
    return make_failure("TypeError", error.text, "the choice of the function '" + name + "'");
  }
  std::string text = "this engine has no function '" + name + "'";
  const std::string near = nearest(table.names(), name);
  text += near.empty() ? "; load the plug-in that offers it with trireme-engine --load"
                       : "; did you mean '" + near + "'?";
  return make_failure("NameError", text, "the engine's table of functions");
}

std::string FunctionExecutor::description() const { return "registered native functions"; }

bool FunctionExecutor::accepts(const TaskRequest& request) const {
  // Calls of Python clients have an empty content; everything else is ours to run or to explain.
  if (request.kind != TaskRequest::Kind::kApply) return false;
  const std::string_view content = request.message.content_json.view();
  return !content.empty() && content != "{}";
}

TaskOutcome FunctionExecutor::run(const TaskRequest& request, TaskContext& context) {
  auto call = decode_call(request.message.content_json.view(), request.message.buffers);
  if (!call) {
    const bool nameless = call.error().code == ErrorCode::kNotFound;
    return make_failure(
        nameless ? "NotImplementedError" : std::string(wire_name(call.error().code)),
        call.error().text, "the decoding of the call");
  }
  const auto found = table_->resolve(call->function);
  if (!found) return unusable_function(*table_, call->function, found.error());
  const std::string place = "task '" + call->function + "' (" + std::string(found->source()) +
                            ") on engine " + std::to_string(context.engine_id());
  try {
    Call native{context, call->function, std::move(call->args), std::move(call->kwargs)};
    EncodedValue encoded = encode_result((*found)(native), call->form);
    return TaskSuccess{std::move(encoded.json), std::move(encoded.buffers), {}};
  } catch (const TaskStopped&) {
    throw;
  } catch (...) {
    return describe_exception(std::current_exception(), place);
  }
}

}  // namespace trireme
