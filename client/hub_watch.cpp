#include "client/hub_watch.hpp"

#include <algorithm>
#include <utility>

#include "session/value_codec.hpp"

namespace trireme {
namespace {

Message result_request(const List& ids, bool status_only, Now now, MessageFactory& messages) {
  const Dict content{{"msg_ids", ids}, {"status_only", status_only}};
  return messages.make(MessageType::kResultRequest, to_json(content), now.timestamp);
}

void end_all(std::multimap<MsgId, CallTask>& tasks, const CallReply& reply, ClientOutbox& out) {
  for (auto& [id, task] : tasks) out.end(std::move(task), reply);
  tasks.clear();
}

}  // namespace

void HubWatches::add(std::vector<MsgId> ids, CallTask first, Now now, MessageFactory& messages,
                     ClientOutbox& out) {
  if (ids.empty()) return;
  const std::uint64_t number = next_number_++;
  Watch& watch = watches_[number];
  for (std::size_t i = 0; i < ids.size(); ++i) {
    watch.pending.emplace(std::move(ids[i]),
                          CallTask{first.call, first.index + static_cast<std::uint32_t>(i)});
  }
  ask_status(number, watch, now, messages, out);
}

void HubWatches::ask_status(std::uint64_t number, Watch& watch, Now now, MessageFactory& messages,
                            ClientOutbox& out) {
  watch.ask_again.reset();
  List ids;
  for (const auto& [id, task] : watch.pending) {
    if (ids.empty() || ids.back().as_string() != id.str()) ids.emplace_back(id.str());
  }
  Message request = result_request(ids, true, now, messages);
  questions_[request.header.msg_id] = {number, {}};
  out.send(ClientChannel::kQuery, std::move(request));
}

void HubWatches::fetch(std::uint64_t number, const MsgId& id, Now now, MessageFactory& messages,
                       ClientOutbox& out) {
  Message request = result_request({id.str()}, false, now, messages);
  questions_[request.header.msg_id] = {number, id};
  out.send(ClientChannel::kQuery, std::move(request));
}

bool HubWatches::on_reply(const MsgId& parent, const Message& message, Now now,
                          MessageFactory& messages, ClientOutbox& out) {
  const auto asked = questions_.find(parent);
  if (asked == questions_.end()) return false;
  const Question question = std::move(asked->second);
  questions_.erase(asked);
  const auto found = watches_.find(question.watch);
  if (found == watches_.end()) return true;
  Watch& watch = found->second;
  if (question.fetched.empty()) {
    on_status(question.watch, watch, message, now, messages, out);
  } else {
    const CallReply reply = read_recorded_reply(message, question.fetched, now.timestamp);
    const auto [begin, end] = watch.fetching.equal_range(question.fetched);
    for (auto at = begin; at != end; ++at) {
      for (CallOutput& output : read_recorded_output(message, question.fetched)) {
        out.show(at->second, std::move(output));
      }
      out.end(at->second, reply);
    }
    watch.fetching.erase(begin, end);
  }
  if (watch.pending.empty() && watch.fetching.empty()) watches_.erase(found);
  return true;
}

void HubWatches::on_status(std::uint64_t number, Watch& watch, const Message& message, Now now,
                           MessageFactory& messages, ClientOutbox& out) {
  const CallReply reply = read_hub_reply(message, now.timestamp);
  if (reply.failure_kind != CallFailureKind::kNone) return end_all(watch.pending, reply, out);
  const Value* completed = reply.value.at("content").find("completed");
  const bool is_list = completed != nullptr && completed->is_list();
  for (const Value& id : is_list ? completed->as_list() : List()) {
    if (!id.is_string()) continue;
    const MsgId done(id.as_string());
    const auto [begin, end] = watch.pending.equal_range(done);
    if (begin == end) continue;
    watch.fetching.insert(begin, end);
    watch.pending.erase(begin, end);
    fetch(number, done, now, messages, out);
  }
  if (watch.pending.empty()) return;
  watch.ask_again = now.instant + watch.pause;
  watch.pause = std::min(watch.pause * 2, kLongestPause);
}

void HubWatches::on_return(Now now, MessageFactory& messages, ClientOutbox& out) {
  questions_.clear();
  for (auto& [number, watch] : watches_) {
    if (!watch.pending.empty()) ask_status(number, watch, now, messages, out);
    for (auto at = watch.fetching.begin(); at != watch.fetching.end();
         at = watch.fetching.upper_bound(at->first)) {
      fetch(number, at->first, now, messages, out);
    }
  }
}

void HubWatches::on_deadline(Now now, MessageFactory& messages, ClientOutbox& out) {
  for (auto& [number, watch] : watches_) {
    if (watch.ask_again.has_value() && *watch.ask_again <= now.instant) {
      ask_status(number, watch, now, messages, out);
    }
  }
}

std::optional<Instant> HubWatches::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [number, watch] : watches_) {
    if (!watch.ask_again.has_value()) continue;
    next = std::min(next.value_or(*watch.ask_again), *watch.ask_again);
  }
  return next;
}

void HubWatches::fail_all(const CallReply& reply, ClientOutbox& out) {
  for (auto& [number, watch] : watches_) {
    end_all(watch.pending, reply, out);
    end_all(watch.fetching, reply, out);
  }
  watches_.clear();
  questions_.clear();
}

}  // namespace trireme
