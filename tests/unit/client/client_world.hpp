// A small world around the client's core: a hub and engines as verbs, a clock moved by hand, and
// every effect waiting to be taken.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/call_state.hpp"
#include "client/client_core.hpp"
#include "session/value_codec.hpp"
#include "session/wire.hpp"

namespace trireme {

/// Messages of both sides pass through a signed wire, so the tests cover the codec too.
class ClientWorld {
 public:
  explicit ClientWorld(ClientCoreOptions options = {})
      : core_(SessionId("client"), with_names(std::move(options))) {}
  ~ClientWorld() {
    for (const auto& sent : sent_) {
      ADD_FAILURE() << "nobody took the message '" << sent.message.header.msg_type << "'";
    }
    for (const auto& ended : ended_) {
      ADD_FAILURE() << "nobody took the end of task " << ended.task.index;
    }
    core_.check_invariants();
  }

  ClientCore& core() { return core_; }
  Now now() const { return now_; }

  // Verbs.
  void start() {
    core_.on_start(now_, out_);
    collect();
  }
  /// Starts, and answers with these engines.
  void connect(const std::map<int, std::string>& engines) {
    start();
    answer_engines(take_sent("connection_request"), engines);
  }
  void answer_engines(const Message& request, const std::map<int, std::string>& engines) {
    Dict listed;
    for (const auto& [id, uuid] : engines) listed.emplace(std::to_string(id), uuid);
    Dict content{{"status", "ok"}, {"engines", listed}};
    if (is_stock_) {
      reply(ClientChannel::kQuery, request, "connection_reply", content);
      return;
    }
    content.emplace("trireme", Dict{{"resumes", true}});
    reply(ClientChannel::kQuery, request, "connection_reply", content);
  }
  /// The controller is of Python's make.
  void be_stock() { is_stock_ = true; }
  void make_connection(ClientChannel channel) {
    core_.on_connection_made(channel, now_, out_);
    collect();
  }
  void lose_connection(ClientChannel channel) {
    core_.on_connection_lost(channel, out_);
    collect();
  }
  /// Sockets the core wants opened anew.
  std::vector<ClientChannel> take_reopened() { return std::exchange(out_.reopen, {}); }
  void pass(std::chrono::milliseconds time) {
    now_.instant += time;
    now_.timestamp += time;
    core_.on_deadline(now_, out_);
    collect();
  }
  Submission request(ClientChannel channel, std::string id, std::vector<std::string> engines = {}) {
    Submission submission;
    submission.channel = channel;
    submission.msg_id = MsgId(std::move(id));
    submission.msg_type = channel == ClientChannel::kQuery ? "queue_request" : "apply_request";
    submission.content = Frame(std::string("{}"));
    for (std::string& uuid : engines) submission.engines.emplace_back(std::move(uuid));
    submission.task = {call_, next_index_};
    next_index_ += static_cast<std::uint32_t>(
        channel == ClientChannel::kBroadcast ? submission.engines.size() : 1);
    return submission;
  }
  void submit(Submission submission) {
    core_.on_submit(std::move(submission), now_, out_);
    collect();
  }
  void watch(const std::vector<std::string>& ids) {
    std::vector<MsgId> named;
    for (const std::string& id : ids) named.emplace_back(id);
    core_.on_watch(std::move(named), {call_, next_index_}, now_, out_);
    next_index_ += static_cast<std::uint32_t>(ids.size());
    collect();
  }
  void abort(std::optional<std::vector<MsgId>> ids) {
    core_.on_abort(std::move(ids), now_, out_);
    collect();
  }
  void close(const std::string& reason) {
    core_.on_close(reason, out_);
    collect();
  }

  /// A peer's message with `header` as its parent.
  void reply_to_header(ClientChannel channel, std::string parent, std::string_view type,
                       const Dict& content, const Dict& metadata = {}, Frames buffers = {}) {
    Message message = peer_.make(type, to_json(content), now_.timestamp, Frame(std::move(parent)),
                                 to_json(metadata));
    message.buffers = std::move(buffers);
    deliver(channel, message);
  }
  void reply(ClientChannel channel, const Message& request, std::string_view type,
             const Dict& content, const Dict& metadata = {}, Frames buffers = {}) {
    reply_to_header(channel, request.header_json.to_string(), type, content, metadata,
                    std::move(buffers));
  }
  void reply_result(const Message& request, const Value& result) {
    const EncodedValue encoded = encode_result(result);
    Message message = peer_.make("apply_reply", encoded.json, now_.timestamp, request.header_json,
                                 R"({"status": "ok", "engine": "e0"})");
    message.buffers = encoded.buffers;
    deliver(ClientChannel::kTask, message);
  }
  /// The header of a part of a broadcast, as its engine sees it.
  static std::string part_header(const Message& request, const std::string& uuid) {
    Header header = request.header;
    header.msg_id = MsgId(header.msg_id.str() + "_" + uuid);
    return header_json(header);
  }
  void publish(std::string parent, std::string_view type, const Dict& content) {
    reply_to_header(ClientChannel::kIopub, std::move(parent), type, content);
  }
  void idle(const Message& request) {
    publish(request.header_json.to_string(), "status", Dict{{"execution_state", "idle"}});
  }
  void notify(std::string_view type, int id, const std::string& uuid) {
    reply_to_header(ClientChannel::kNotification, "{}", type, Dict{{"id", id}, {"uuid", uuid}});
  }
  void deliver(ClientChannel channel, const Message& message) {
    const Result<Message> received = wire_.decode(wire_.encode(message), Wire::Replays::kRefuse);
    ASSERT_TRUE(received) << received.error().text;
    core_.on_message(channel, *received, now_, out_);
    collect();
  }

  // What came of it.
  Message take_sent(std::string_view type) {
    const auto found = std::find_if(sent_.begin(), sent_.end(), [&](const auto& sent) {
      return sent.message.header.msg_type == type;
    });
    if (found == sent_.end()) {
      ADD_FAILURE() << "no '" << type << "' was sent";
      return {};
    }
    last_channel_ = found->channel;
    const Result<Message> received =
        wire_.decode(wire_.encode(found->message), Wire::Replays::kAllow);
    sent_.erase(found);
    EXPECT_TRUE(received);
    return *received;
  }
  ClientChannel last_channel() const { return last_channel_; }
  std::size_t sent_count() const { return sent_.size(); }
  ClientOutbox::Ended take_ended() {
    if (ended_.empty()) {
      ADD_FAILURE() << "no task has ended";
      return {};
    }
    ClientOutbox::Ended first = std::move(ended_.front());
    ended_.pop_front();
    return first;
  }
  bool nothing_ended() const { return ended_.empty(); }
  std::vector<ClientOutbox::Shown> take_shown() { return std::exchange(shown_, {}); }
  bool take_engines_changed() { return std::exchange(out_.engines_changed, false); }
  bool controller_is_gone() const { return out_.controller_is_gone; }
  std::vector<int> ids() const {
    std::vector<int> ids;
    for (const auto& [id, uuid] : core_.engines()) ids.push_back(id.value());
    return ids;
  }

 private:
  static ClientCoreOptions with_names(ClientCoreOptions options) {
    options.username = "user";
    options.process_tag = "1c";
    return options;
  }
  static Wire make_wire() { return Wire(std::move(*Signer::create("key")), Packer()); }
  void collect() {
    for (auto& one : out_.outgoing) sent_.push_back(std::move(one));
    for (auto& one : out_.ended) ended_.push_back(std::move(one));
    for (auto& one : out_.shown) shown_.push_back(std::move(one));
    out_.outgoing.clear();
    out_.ended.clear();
    out_.shown.clear();
    core_.check_invariants();
  }

  Wire wire_ = make_wire();
  MessageFactory peer_{SessionId("peer"), "peer", "1"};
  ClientCore core_;
  ClientOutbox out_;
  Now now_{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 50))};
  std::shared_ptr<CallState> call_ =
      std::make_shared<CallState>(CallPlan{}, std::weak_ptr<CallOwner>());
  std::uint32_t next_index_ = 0;
  std::deque<ClientOutbox::Outgoing> sent_;
  std::deque<ClientOutbox::Ended> ended_;
  std::vector<ClientOutbox::Shown> shown_;
  bool is_stock_ = false;
  ClientChannel last_channel_ = ClientChannel::kQuery;
};

}  // namespace trireme
