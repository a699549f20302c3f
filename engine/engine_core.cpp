// Message by message: the engine's answers.
#include "engine/engine_core.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/signal_names.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kOkContent = R"({"status": "ok"})";

// What makes a request the same as one before: its id, and for a further attempt the whole header,
// in which the controller numbers attempts.
MsgId attempt_id(const TaskRequest& request) {
  const std::string_view header = request.message.header_json.view();
  const bool is_further = header.find("\"attempt\"") != std::string_view::npos;
  return is_further ? MsgId(header) : request.id();
}

std::vector<MsgId> read_msg_ids(const Json& content) {
  std::vector<MsgId> ids;
  if (!content.is_object()) return ids;
  const auto found = content.find("msg_ids");
  if (found == content.end()) return ids;
  if (found->is_string()) ids.emplace_back(found->get<std::string>());
  if (!found->is_array()) return ids;
  for (const Json& id : *found) {
    if (id.is_string()) ids.emplace_back(id.get<std::string>());
  }
  return ids;
}

std::optional<int> read_signal(const Json& content) {
  if (!content.is_object()) return std::nullopt;
  const auto found = content.find("sig");
  if (found == content.end()) return std::nullopt;
  if (found->is_string()) return signal_number(found->get<std::string>());
  if (!found->is_number_integer()) return std::nullopt;
  const auto number = found->get<std::int64_t>();
  if (number < 0 || number > kSignalNumberMax) return std::nullopt;
  return static_cast<int>(number);
}

Json parse(const Frame& json) { return Json::parse(json.view(), nullptr, false); }

std::string_view stream_name(OutputPiece::Kind kind) {
  return kind == OutputPiece::Kind::kStdout ? "stdout" : "stderr";
}

}  // namespace

/// What is answered at once, by message type.
struct EngineCore::Row {
  std::string_view type;
  Handler handler;
  bool shows_busy;  // busy and idle around the answer
};
const EngineCore::Row EngineCore::kControlTable[] = {
    {"abort_request", &EngineCore::abort, true},
    {"clear_request", &EngineCore::clear, true},
    {"shutdown_request", &EngineCore::shut_down, true},
    {"interrupt_request", &EngineCore::interrupt, true},
    {"kernel_info_request", &EngineCore::kernel_info, true},
    {"signal_request", &EngineCore::signal, false},
};
const EngineCore::Row EngineCore::kShellTable[] = {
    {"kernel_info_request", &EngineCore::kernel_info, true},
    {"history_request", &EngineCore::history, true},
    {"comm_info_request", &EngineCore::comm_info, true},
    {"shutdown_request", &EngineCore::shut_down, true},  // of old front ends
};

EngineCore::EngineCore(EngineMessages messages, std::size_t slots, EngineDescription description)
    : messages_(std::move(messages)), description_(std::move(description)), queue_(slots) {}

void EngineCore::on_ready(Now now, EngineOutbox& out) { publish_status("starting", {}, now, out); }

void EngineCore::on_shell(Message message, Now now, EngineOutbox& out) {
  if (is_work(message.header.msg_type)) {
    on_work(std::move(message), now, out);
  } else {
    dispatch(kShellTable, message, EngineChannel::kShell, now, out);
  }
}

void EngineCore::on_control(const Message& message, Now now, EngineOutbox& out) {
  dispatch(kControlTable, message, EngineChannel::kControl, now, out);
}

void EngineCore::dispatch(std::span<const Row> table, const Message& message, EngineChannel channel,
                          Now now, EngineOutbox& out) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Row& each) {
    return each.type == message.header.msg_type;
  });
  if (row == table.end()) {
    refuse(message, channel, now, out);
    return;
  }
  if (row->shows_busy) publish_status("busy", message.header_json, now, out);
  (this->*row->handler)(message, channel, now, out);
  if (row->shows_busy) publish_status("idle", message.header_json, now, out);
}

void EngineCore::on_work(Message message, Now now, EngineOutbox& out) {
  TaskRequest request;
  request.message = std::move(message);
  if (answer_again(request, now, out)) return;
  if (const auto read = read_task_request(request); !read) {
    const Frame parent = request.message.header_json;
    publish_status("busy", parent, now, out);
    fail(request, TaskFailure{std::string(wire_name(read.error().code)), read.error().text, {}},
         RunFacts{now.timestamp, execution_count_, request.message.identities}, now, out);
    publish_status("idle", parent, now, out);
    return;
  }
  switch (queue_.admit(request)) {
    case WorkQueue::Admission::kWaiting:
      start_waiting(now, out);
      break;
    case WorkQueue::Admission::kAborted:
      answer_aborted(request, now, out);
      break;
    case WorkQueue::Admission::kKnown:
      break;
    case WorkQueue::Admission::kRunning:
      facts_.at(*queue_.run_of(request.id())).route = request.message.identities;
      break;
  }
}

bool EngineCore::answer_again(const TaskRequest& request, Now now, EngineOutbox& out) {
  const ReplyCache::Found found = replies_.find(attempt_id(request));
  if (found.answer == ReplyCache::Answer::kUnknown) return false;
  if (found.answer == ReplyCache::Answer::kKept) {
    out.send(EngineChannel::kShell,
             messages_.repeated_reply(*found.reply, request.message.identities, now.timestamp));
  } else {
    out.log(LogLevel::kWarning,
            "Request " + request.id().str() + " came again after its reply was dropped; ignored.");
  }
  return true;
}

void EngineCore::send_reply(const TaskRequest& request, Message reply, EngineOutbox& out) {
  replies_.put(attempt_id(request), kept_reply(reply));
  out.send(EngineChannel::kShell, std::move(reply));
}

void EngineCore::start_waiting(Now now, EngineOutbox& out) {
  while (const auto start = queue_.start_next()) {
    const TaskRequest& request = *start->request;
    publish_status("busy", request.message.header_json, now, out);
    RunFacts facts{now.timestamp, execution_count_, request.message.identities};
    if (request.is_execute() && request.store_history) {
      history_.add(++execution_count_, request.code);
    }
    facts.execution_count = execution_count_;
    if (request.is_execute() && !request.silent) {
      out.send(EngineChannel::kIopub,
               messages_.execute_input(request, execution_count_, now.timestamp));
    }
    facts_.emplace(start->run, facts);
    out.starts.push_back({start->run, start->request, facts.execution_count});
  }
}

void EngineCore::on_output(RunNumber run, const std::vector<OutputPiece>& pieces, Now now,
                           EngineOutbox& out) {
  const TaskRequest* request = queue_.running(run);
  if (request == nullptr) return;
  const Frame& parent = request->message.header_json;
  RunFacts& facts = facts_.at(run);
  for (const OutputPiece& piece : pieces) {
    if (!is_text(piece.kind)) {
      out.send(EngineChannel::kIopub,
               messages_.shown(piece.kind, piece.text, parent, now.timestamp));
      continue;
    }
    std::size_t& offset =
        piece.kind == OutputPiece::Kind::kStdout ? facts.printed : facts.complained;
    out.send(EngineChannel::kIopub,
             messages_.stream(stream_name(piece.kind), piece.text, offset, parent, now.timestamp));
    offset += piece.text.size();
  }
}

void EngineCore::on_finished(RunNumber run, TaskOutcome outcome, Now now, EngineOutbox& out) {
  auto request = queue_.finish(run);
  const auto facts = facts_.extract(run);
  std::erase(waiting_for_input_, run);
  if (!request || facts.empty()) {
    out.log(LogLevel::kWarning, "A task ended that was not running here; ignored.");
    return;
  }
  const bool failed = std::holds_alternative<TaskFailure>(outcome);
  if (auto* success = std::get_if<TaskSuccess>(&outcome)) {
    succeed(*request, std::move(*success), facts.mapped(), now, out);
  } else if (failed) {
    fail(*request, std::get<TaskFailure>(outcome), facts.mapped(), now, out);
  } else {
    send_reply(*request, messages_.aborted_reply(*request, facts.mapped(), now.timestamp), out);
  }
  publish_status("idle", request->message.header_json, now, out);
  if (failed && request->is_execute() && !request->silent && request->stop_on_error) {
    for (const TaskRequest& behind : queue_.take_waiting_executes()) {
      answer_aborted(behind, now, out);
    }
  }
  start_waiting(now, out);
}

void EngineCore::succeed(const TaskRequest& request, TaskSuccess success, const RunFacts& facts,
                         Now now, EngineOutbox& out) {
  if (request.is_execute() && !request.silent && !success.data_json.empty()) {
    remember_value(facts.execution_count, success.data_json);
    out.send(EngineChannel::kIopub,
             messages_.execute_result(success, facts.execution_count, request.message.header_json,
                                      now.timestamp));
  }
  send_reply(request, messages_.success_reply(request, std::move(success), facts, now.timestamp),
             out);
}

void EngineCore::remember_value(int execution_count, const std::string& data_json) {
  const Json data = Json::parse(data_json, nullptr, false);
  const auto text = data.is_object() ? data.find("text/plain") : data.end();
  if (!data.is_object() || text == data.end() || !text->is_string()) return;
  history_.set_output(execution_count, text->get<std::string>());
}

void EngineCore::on_waits(const RunWaits& waits, Now now, EngineOutbox& out) {
  const TaskRequest* request = queue_.running(waits.run);
  if (request != nullptr && waits.wanted == Wanted::kPorts) {
    out.ports_wanted.push_back(waits.run);
  } else if (request != nullptr && is_stdin_open_ && request->allow_stdin) {
    waiting_for_input_.push_back(waits.run);
    out.send(EngineChannel::kStdin,
             messages_.input_request(*request, waits.prompt, waits.wanted == Wanted::kPassword,
                                     now.timestamp));
  } else {
    out.answers.push_back({waits.run, std::nullopt});
  }
}

void EngineCore::on_stdin(const Message& message, EngineOutbox& out) {
  if (message.header.msg_type != "input_reply" || waiting_for_input_.empty()) {
    out.log(LogLevel::kDebug, "Ignored a '" + message.header.msg_type + "' on stdin.");
    return;
  }
  const Json content = parse(message.content_json);
  const auto value = content.is_object() ? content.find("value") : content.end();
  const bool is_text = content.is_object() && value != content.end() && value->is_string();
  out.answers.push_back({waiting_for_input_.front(), is_text ? value->get<std::string>() : ""});
  waiting_for_input_.erase(waiting_for_input_.begin());
}

void EngineCore::fail(const TaskRequest& request, const TaskFailure& failure, const RunFacts& facts,
                      Now now, EngineOutbox& out) {
  out.send(EngineChannel::kIopub,
           messages_.error(failure, request.message.header_json, now.timestamp));
  send_reply(request, messages_.failure_reply(request, failure, facts, now.timestamp), out);
}

void EngineCore::answer_aborted(const TaskRequest& request, Now now, EngineOutbox& out) {
  publish_status("busy", request.message.header_json, now, out);
  const RunFacts facts{now.timestamp, execution_count_, request.message.identities};
  send_reply(request, messages_.aborted_reply(request, facts, now.timestamp), out);
  publish_status("idle", request.message.header_json, now, out);
}

void EngineCore::abort(const Message& request, EngineChannel channel, Now now, EngineOutbox& out) {
  const std::vector<MsgId> ids = read_msg_ids(parse(request.content_json));
  if (ids.empty()) {
    for (const TaskRequest& waiting : queue_.take_waiting_executes()) {
      answer_aborted(waiting, now, out);
    }
  }
  for (const MsgId& id : ids) {
    const WorkQueue::Abort aborted = queue_.abort(id);
    if (aborted.waiting) answer_aborted(*aborted.waiting, now, out);
    if (aborted.running) out.stops.push_back({*aborted.running, StopReason::kAborted});
  }
  reply(channel, request, std::string(kOkContent), now, out);
}

void EngineCore::clear(const Message& request, EngineChannel channel, Now now, EngineOutbox& out) {
  out.clear_name_space = true;
  reply(channel, request, std::string(kOkContent), now, out);
}

void EngineCore::shut_down(const Message& request, EngineChannel channel, Now now,
                           EngineOutbox& out) {
  const Json content = parse(request.content_json);
  const bool restart = content.is_object() && content.value("restart", Json()) == Json(true);
  if (restart && description_.ends_on_restart) {
    out.leave = Leave{};
  } else if (restart) {
    out.restart = true;
  }
  if (restart) {
    reply(channel, request, R"({"status": "ok", "restart": true})", now, out);
    return;
  }
  out.send(EngineChannel::kIopub, messages_.shutdown_notice(request.header_json, now.timestamp));
  reply(channel, request, R"({"status": "ok", "restart": false})", now, out);
  out.leave = Leave{};
}

void EngineCore::interrupt(const Message& request, EngineChannel channel, Now now,
                           EngineOutbox& out) {
  on_interrupt(out);
  reply(channel, request, std::string(kOkContent), now, out);
}

void EngineCore::kernel_info(const Message& request, EngineChannel channel, Now now,
                             EngineOutbox& out) {
  const LanguageInfo& language = description_.language;
  const std::string version = json_quote(description_.version);
  const std::string banner =
      "Trireme " + description_.version + (language.banner.empty() ? "" : ": " + language.banner);
  reply(channel, request,
        R"({"status": "ok", "protocol_version": "5.3", "implementation": "trireme", )"
        R"("implementation_version": )" +
            version + R"(, "language_info": {"name": )" + json_quote(language.name) +
            R"(, "version": )" + json_quote(language.version) + R"(, "mimetype": )" +
            json_quote(language.mimetype) + R"(, "file_extension": )" +
            json_quote(language.file_extension) + R"(}, "banner": )" + json_quote(banner) +
            R"(, "debugger": false, "help_links": []})",
        now, out);
}

void EngineCore::history(const Message& request, EngineChannel channel, Now now,
                         EngineOutbox& out) {
  reply(channel, request, history_.answer(request.content_json.view()), now, out);
}

void EngineCore::comm_info(const Message& request, EngineChannel channel, Now now,
                           EngineOutbox& out) {
  reply(channel, request, R"({"status": "ok", "comms": {}})", now, out);
}

// Python engines have a helper process that answers this one; the odd type of the reply is its.
void EngineCore::signal(const Message& request, EngineChannel channel, Now now, EngineOutbox& out) {
  constexpr std::string_view kReplyType = "_request";
  const std::optional<int> number = read_signal(parse(request.content_json));
  if (!number) {
    out.send(channel,
             messages_.plain_reply(request, kReplyType,
                                   error_content_json("ValueError",
                                                      "signal_request needs \"sig\": a signal "
                                                      "number, or a name such as \"SIGINT\""),
                                   now.timestamp));
    return;
  }
  out.send(channel,
           messages_.plain_reply(request, kReplyType, std::string(kOkContent), now.timestamp));
  if (*number == SIGINT) {
    on_interrupt(out);
  } else if (*number == SIGTERM) {
    out.leave = Leave{};
  } else if (ends_processes(*number)) {
    out.leave = Leave{*number};
  }
}

void EngineCore::refuse(const Message& request, EngineChannel channel, Now now, EngineOutbox& out) {
  const std::string& type = request.header.msg_type;
  if (!type.ends_with("_request")) {
    out.log(LogLevel::kDebug, "Ignored a message of type '" + type + "'.");
    return;
  }
  out.log(LogLevel::kWarning, "Refused a '" + type + "': this engine does not know it.");
  out.send(channel,
           messages_.plain_reply(request, reply_type_of(type),
                                 error_content_json("NotImplementedError",
                                                    "this Trireme engine does not answer " + type),
                                 now.timestamp));
}

bool EngineCore::on_interrupt(EngineOutbox& out) {
  const std::vector<RunNumber> runs = queue_.runs();
  for (const RunNumber run : runs) out.stops.push_back({run, StopReason::kInterrupted});
  return !runs.empty();
}

void EngineCore::publish_status(std::string_view state, const Frame& parent, Now now,
                                EngineOutbox& out) {
  out.send(EngineChannel::kIopub, messages_.status(state, parent, now.timestamp));
}

void EngineCore::reply(EngineChannel channel, const Message& request, std::string content_json,
                       Now now, EngineOutbox& out) {
  out.send(channel, messages_.plain_reply(request, reply_type_of(request.header.msg_type),
                                          std::move(content_json), now.timestamp));
}

void EngineCore::check_invariants() const {
  queue_.check_invariants();
  replies_.check_invariants();
  TRIREME_CHECK(facts_.size() == queue_.running_count(), "facts are kept for what runs, only");
}

}  // namespace trireme
