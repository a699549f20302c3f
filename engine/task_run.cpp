// The parts of a run that need JSON.
#include "engine/task_run.hpp"

namespace trireme {

void TaskRun::display(const Dict& data) {
  output_->append(OutputPiece::Kind::kDisplay,
                  R"({"data": )" + to_json(Value(data)) + R"(, "metadata": {}, "transient": {}})");
}

void TaskRun::request_stop(StopReason reason) {
  if (stop_.stop_requested()) return;
  reason_ = reason;  // before the stop, so that whoever sees the stop sees the reason
  stop_.request_stop();
}

}  // namespace trireme
