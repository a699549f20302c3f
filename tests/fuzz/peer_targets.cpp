// What engines and clients read: calls with the arguments of plug-ins, requests, replies, output.
#include <algorithm>
#include <array>
#include <numeric>
#include <set>
#include <span>

#include "client/call_state.hpp"
#include "client/client_core.hpp"
#include "engine/engine_core.hpp"
#include "engine/executor_set.hpp"
#include "engine/function_executor.hpp"
#include "session/value_codec.hpp"
#include "session/wire.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/frame_text.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/unit/engine/test_context.hpp"

namespace trireme::fuzz {
namespace {

using std::chrono::milliseconds;

// A message as a peer with the key made it; empty when it cannot be read.
std::optional<Message> received(Frames identities, const std::string& header,
                                const std::string& parent, const std::string& metadata,
                                const std::string& content, const std::string& buffer) {
  static Wire wire(*Signer::create(""), Packer());
  Frames frames = std::move(identities);
  frames.push_back(Frame::copy_of(kDelimiter));
  frames.emplace_back();
  for (const std::string* part : {&header, &parent, &metadata, &content}) {
    frames.emplace_back(*part);
  }
  if (!buffer.empty()) frames.emplace_back(buffer);
  Result<Message> message = wire.decode(frames, Wire::Replays::kAllow);
  if (!message) return std::nullopt;
  return *std::move(message);
}

/// The frames of an input, taken by the event; what is missing at the end is empty.
class Events {
 public:
  Events(std::string_view input, std::size_t frames_per_event)
      : frames_(split_frames(input)), per_event_(frames_per_event) {}
  bool next() {
    if (at_ >= frames_.size()) return false;
    event_.assign(per_event_, std::string());
    for (std::string& frame : event_) {
      if (at_ < frames_.size()) frame = std::move(frames_[at_++]);
    }
    return true;
  }
  unsigned char kind() const {
    return event_[0].empty() ? 0 : static_cast<unsigned char>(event_[0][0]);
  }
  const std::string& operator[](std::size_t index) const { return event_[index]; }

 private:
  std::vector<std::string> frames_;
  std::size_t per_event_;
  std::size_t at_ = 0;
  std::vector<std::string> event_;
};

// Calls of functions that a plug-in might offer.

std::shared_ptr<FunctionTable> plugin_functions() {
  auto table = std::make_shared<FunctionTable>();
  table->add("sum", [](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  });
  table->add("view", [](const ArrayView<std::int32_t>& values) { return values.size(); });
  table->add("text", [](const std::string& text, int number, bool flag) {
    return text.size() + static_cast<std::size_t>(flag) + static_cast<std::size_t>(number != 0);
  });
  table->add("lists", [](const std::vector<std::vector<std::string>>& lists) { return lists; });
  table->add("small", [](std::uint8_t number, float real) { return real + number; });
  table->add("raw", [](const Bytes& bytes) { return bytes; });
  table->add("any", [](Call& call) { return Dict{{"args", call.args}, {"kwargs", call.kwargs}}; });
  return table;
}

std::vector<std::string> call_corpus() {
  std::vector<std::string> inputs;
  const auto add = [&inputs](std::string_view name, const List& args) {
    const EncodedValue call = encode_call(name, args, {});
    std::vector<std::string> frames{call.json};
    for (const Frame& buffer : call.buffers) frames.push_back(buffer.to_string());
    inputs.push_back(join_frames(frames));
  };
  add("sum", {Array::of(std::vector<double>{1, 2, 3})});
  add("sum", {List{1, 2.5}});
  add("view", {Array::of(std::vector<std::int32_t>{4, 5})});
  add("text", {"text", 5, true});
  add("lists", {List{List{"a", "b"}, List{}}});
  add("small", {255, 0.5});
  add("raw", {bytes_of(Frame(std::string("\0\1", 2)))});
  add("any", {Dict{{"k", nullptr}}, "x"});
  return inputs;
}

std::vector<std::string_view> call_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {"\"sum\"", "\"view\"", "\"text\"", "\"lists\"", "\"small\"", "\"raw\"", "\"any\"", "256",
        "\"function\"", "\"args\"", "\"kwargs\": {\"a\": 1}", "\"packed\": true", "\"<f8\"",
        "{\"$buffer\": 0}", "\"shape\": [3]", "\"|u1\"", "\">i4\""}) {
    tokens.push_back(more);
  }
  return tokens;
}

bool run_call(std::string_view input) {
  static const std::shared_ptr<FunctionTable> table = plugin_functions();
  const Frames frames = frames_of(input);
  if (frames.empty()) return false;
  TaskRequest request;
  request.message.header.msg_type = "apply_request";
  request.message.content_json = frames[0];
  request.message.buffers.assign(frames.begin() + 1, frames.end());
  ExecutorSet runtime;
  runtime.add(std::make_unique<FunctionExecutor>(table));
  TestContext context;
  const TaskOutcome outcome = runtime.run(request, context);
  if (const auto* failure = std::get_if<TaskFailure>(&outcome)) {
    demand(!failure->ename.empty(), "every failure has a name");
    return false;
  }
  const auto& success = std::get<TaskSuccess>(outcome);
  demand(decode_result(success.content_json, success.buffers) ||
             decode_packed_results(success.buffers),
         "a result can be read");
  return true;
}

// An engine's core: requests on both sockets, and tasks that end.

constexpr std::size_t kEngineEvent = 5;  // kind, header, metadata, content, buffer
enum EngineKind : unsigned char { kShell, kControl, kSucceed, kFail, kShow, kInterrupt, kKinds };

std::vector<std::string> engine_corpus() {
  std::map<std::string, std::vector<std::string>> files;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.packer != "json" || message.to != "engine") continue;
    if (message.channel == "hb_ping" || message.channel == "registration") continue;
    std::vector<std::string>& frames = files[message.file];
    const bool is_control = message.channel == "control";
    frames.insert(frames.end(), {std::string(1, is_control ? kControl : kShell), message.parts[0],
                                 message.parts[2], message.parts[3],
                                 message.buffers.empty() ? "" : message.buffers[0].substr(0, 100)});
    const EngineKind end = files.size() % 3 == 0 ? kFail : kSucceed;
    frames.insert(frames.end(), {std::string(1, end), "", "", "", ""});
  }
  std::vector<std::string> inputs;
  for (const auto& [file, frames] : files) inputs.push_back(join_frames(frames));
  return inputs;
}

std::vector<std::string_view> engine_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {"apply_request", "execute_request", "abort_request", "clear_request", "shutdown_request",
        "kernel_info_request", "signal_request", "\"msg_ids\": [\"a\"]", "\"code\"", "\"silent\"",
        "\"stop_on_error\"", "\"is_broadcast\": true", "\"label\"", "\"sig\": 2", "\x02", "\x03"}) {
    tokens.push_back(more);
  }
  return tokens;
}

class HostileEngine {
 public:
  bool play(const Events& event) {
    clock_.instant += milliseconds(1);
    const auto kind = static_cast<EngineKind>(event.kind() % kKinds);
    if (kind == kShell || kind == kControl) {
      std::optional<Message> message =
          received({Frame::copy_of("mux_out"), Frame::copy_of("route")}, event[1], "{}", event[2],
                   event[3], event[4]);
      if (!message) return false;
      if (kind == kControl) {
        core_.on_control(*message, clock_, out_);
      } else {
        core_.on_shell(*std::move(message), clock_, out_);
      }
    } else if (kind == kInterrupt) {
      core_.on_interrupt(out_);
    } else if (!runs_.empty()) {
      const RunNumber run = *runs_.begin();
      if (kind == kShow) {
        core_.on_output(run, {{OutputPiece::Kind::kStdout, event[3]}}, clock_, out_);
      } else {
        runs_.erase(run);
        TaskOutcome outcome = TaskSuccess{R"({"status": "ok", "result": 1})", {}, {}};
        if (kind == kFail) outcome = TaskFailure{"ValueError", event[3], {event[2]}};
        core_.on_finished(run, std::move(outcome), clock_, out_);
      }
    }
    settle();
    return true;
  }
  void check() const {
    core_.check_invariants();
    demand(core_.queue().running_count() == runs_.size(), "what was started runs");
  }

 private:
  void settle() {
    static Wire wire(*Signer::create(""), Packer());
    for (const WorkQueue::Start& start : out_.starts) runs_.insert(start.run);
    for (const OutgoingEngineMessage& sent : out_.messages) {
      demand(wire.decode(wire.encode(sent.message), Wire::Replays::kAllow).has_value(),
             "everything an engine says can be read");
    }
    out_ = EngineOutbox();
    core_.check_invariants();
  }

  Now clock_{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 50))};
  EngineCore core_{
      EngineMessages({EngineUuid("e1"), EngineId(1)}, MessageFactory(SessionId("e1"), "u", "1")), 2,
      EngineDescription{"1.2.3", "a banner"}};
  EngineOutbox out_;
  std::set<RunNumber> runs_;
};

bool run_engine_core(std::string_view input) {
  HostileEngine engine;
  Events events(input, kEngineEvent);
  bool is_heard = false;
  while (events.next()) is_heard |= engine.play(events);
  engine.check();
  return is_heard;
}

// A client's core: replies to its requests, output, notifications.

constexpr std::size_t kClientEvent = 6;  // channel, header, parent, metadata, content, buffer
constexpr std::array kRequests{"m1", "m2", "m3", "m4", "m5"};

unsigned char client_channel(const std::string& name) {
  constexpr std::array kNames{"registration", "mux",   "control",     "task",
                              "broadcast",    "iopub", "notification"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return static_cast<unsigned char>(found - kNames.begin());
}

// The parent of a captured reply, as if one of our requests had been meant.
std::string parent_of_ours(const std::string& channel, std::size_t number) {
  std::string id = channel == "registration" ? "client_c_" + std::to_string(number % 4)
                   : channel == "task"       ? "m1"
                   : channel == "mux"        ? "m2"
                                             : kRequests[number % kRequests.size()];
  if (channel == "broadcast") id += number % 2 == 0 ? "_e1" : "";
  return R"({"msg_id": ")" + id + R"(", "msg_type": "apply_request", "session": "client"})";
}

std::vector<std::string> client_corpus() {
  std::map<std::string, std::vector<std::string>> files;
  std::size_t number = 0;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.packer != "json" || message.to != "client") continue;
    std::vector<std::string>& frames = files[message.file];
    if (frames.size() >= 10 * kClientEvent) continue;
    frames.insert(frames.end(), {std::string(1, static_cast<char>(client_channel(message.channel))),
                                 message.parts[0], parent_of_ours(message.channel, number++),
                                 message.parts[2], message.parts[3],
                                 message.buffers.empty() ? "" : message.buffers[0].substr(0, 200)});
  }
  std::vector<std::string> inputs;
  for (const auto& [file, frames] : files) inputs.push_back(join_frames(frames));
  return inputs;
}

std::vector<std::string_view> client_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more : {"m1",
                                      "m2",
                                      "m3",
                                      "m3_e1",
                                      "m4_e2",
                                      "m5",
                                      "client_c_0",
                                      "apply_reply",
                                      "result_reply",
                                      "connection_reply",
                                      "\"engines\": {\"0\": \"e1\"}",
                                      "registration_notification",
                                      "unregistration_notification",
                                      "shutdown_notification",
                                      "\"status\": \"ok\"",
                                      "aborted",
                                      "\"ename\"",
                                      "stream",
                                      "\"execution_state\": \"idle\"",
                                      "\"engine_info\"",
                                      "\"m5\": {"}) {
    tokens.push_back(more);
  }
  return tokens;
}

class HostileClient {
 public:
  HostileClient() {
    core_.on_start(clock_, out_);
    const std::string header = R"({"msg_id": "h", "msg_type": "connection_reply", "session": "s"})";
    const auto engines = received({}, header, R"({"msg_id": "client_c_0"})", "{}",
                                  R"({"status": "ok", "engines": {"0": "e1", "1": "e2"}})", "");
    core_.on_message(ClientChannel::kQuery, *engines, clock_, out_);
    submit(ClientChannel::kTask, "m1", {});
    submit(ClientChannel::kMux, "m2", {"e1"});
    submit(ClientChannel::kBroadcast, "m3", {"e1", "e2"});
    submit(ClientChannel::kBroadcast, "m4", {"e1", "e2"});
    core_.on_watch({MsgId("m5")}, {call_, next_index_++}, clock_, out_);
    settle();
  }
  bool play(const Events& event) {
    clock_.instant += milliseconds(50);
    if (event.kind() == kClientChannelCount) {
      clock_.instant += milliseconds(10 * event[4].size());
      core_.on_deadline(clock_, out_);
      settle();
      return false;
    }
    const auto message = received({}, event[1], event[2], event[3], event[4], event[5]);
    if (!message) return false;
    core_.on_message(static_cast<ClientChannel>(event.kind() % kClientChannelCount), *message,
                     clock_, out_);
    settle();
    return true;
  }
  void close() {
    core_.on_close("closed", out_);
    settle();
    demand(core_.pending() == 0, "nothing is pending in a closed client");
    demand(ended_.size() == next_index_, "every task has ended");
  }

 private:
  void submit(ClientChannel channel, const char* id, std::vector<std::string> engines) {
    Submission submission;
    submission.channel = channel;
    submission.msg_id = MsgId(id);
    submission.msg_type = "apply_request";
    submission.content = Frame::copy_of("{}");
    for (std::string& engine : engines) submission.engines.emplace_back(std::move(engine));
    submission.is_coalescing = std::string_view(id) == "m4";
    submission.shows_output = true;
    submission.task = {call_, next_index_};
    next_index_ += static_cast<std::uint32_t>(
        channel == ClientChannel::kBroadcast ? submission.engines.size() : 1);
    core_.on_submit(std::move(submission), clock_, out_);
  }
  void settle() {
    for (const ClientOutbox::Ended& ended : out_.ended) {
      demand(ended_.insert(ended.task.index).second, "a task ends once");
    }
    out_ = ClientOutbox();
    core_.check_invariants();
  }
  static ClientCoreOptions options() {
    ClientCoreOptions options;
    options.username = "user";
    options.process_tag = "c";
    return options;
  }

  Now clock_{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 50))};
  ClientCore core_{SessionId("client"), options()};
  ClientOutbox out_;
  std::shared_ptr<CallState> call_ =
      std::make_shared<CallState>(CallPlan{}, std::weak_ptr<CallOwner>());
  std::uint32_t next_index_ = 0;
  std::set<std::uint32_t> ended_;
};

bool run_client_core(std::string_view input) {
  HostileClient client;
  Events events(input, kClientEvent);
  bool is_heard = false;
  while (events.next()) is_heard |= client.play(events);
  client.close();
  return is_heard;
}

}  // namespace

std::span<const FuzzTarget> fuzz_targets() {
  static const std::vector<FuzzTarget> targets{
      {"native_call", InputShape::kFrames, call_tokens, call_corpus, run_call, 2},
      {"engine", InputShape::kFrames, engine_tokens, engine_corpus, run_engine_core, 10},
      {"client", InputShape::kFrames, client_tokens, client_corpus, run_client_core, 20},
  };
  return targets;
}

}  // namespace trireme::fuzz
