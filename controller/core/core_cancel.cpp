// Tasks that wait are ended at once when their client gives them up; those that run are the
// business of their engines.
#include <nlohmann/json.hpp>

#include "controller/core/controller_core.hpp"

namespace trireme {

/// A task that was sent again is looked up before it is taken in: its cancellation comes behind.
void ControllerCore::on_cancel(const Message& request, Now now, Outbox& out) {
  if (questions_.empty()) return cancel_tasks(request, now, out);
  ask_records(
      {},
      [this, request](const std::vector<TaskRecord>&, Now at, Outbox& effects) {
        cancel_tasks(request, at, effects);
      },
      out);
}

void ControllerCore::cancel_tasks(const Message& request, Now now, Outbox& out) {
  const auto content = nlohmann::json::parse(request.content_json.view(), nullptr, false);
  const auto ids = content.is_object() ? content.find("msg_ids") : content.end();
  nlohmann::json tasks = nlohmann::json::object();
  if (content.is_object() && ids != content.end() && ids->is_array()) {
    for (const auto& id : *ids) {
      if (!id.is_string()) continue;
      const MsgId msg_id(id.get<std::string>());
      const bool is_live = scheduler_.is_live(msg_id);
      const bool ended = is_live && scheduler_.cancel(msg_id, now.instant, scheduled_);
      tasks[msg_id.str()] = ended ? "cancelled" : is_live ? "running" : "absent";
    }
  }
  carry_out(nullptr, now, out);
  const nlohmann::json answer{{"status", "ok"}, {"tasks", std::move(tasks)}};
  // Ids are a peer's bytes: what is no text is replaced.
  Message reply = factory_.make(
      "cancel_reply", answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
      now.timestamp, request.header_json);
  reply.identities = request.identities;
  out.send(Channel::kTaskClients, std::move(reply));
}

}  // namespace trireme
