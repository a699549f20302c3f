// What clients want, and what they make of the answers.
#include "tests/sim/sim_client.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "session/wire.hpp"
#include "tests/sim/json_probe.hpp"

namespace trireme::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds kConnectMax = 10ms;

template <class Name>
std::string names_json(const std::vector<Name>& names) {
  std::vector<std::string> texts;
  for (const Name& name : names) texts.push_back(name.str());
  return json_list(texts);
}

std::string dependency_json(const Dependency& dependency) {
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  if (dependency.all && dependency.success && !dependency.failure) {
    return names_json(dependency.ids);
  }
  return "{\"dependencies\": " + names_json(dependency.ids) + ", \"all\": " + flag(dependency.all) +
         ", \"success\": " + flag(dependency.success) +
         ", \"failure\": " + flag(dependency.failure) + "}";
}

}  // namespace

SimClient::SimClient(SimWorld& world, const Schedule& schedule, Dice dice, std::string name)
    : world_(world),
      schedule_(schedule),
      dice_(std::move(dice)),
      name_(std::move(name)),
      voice_(name_, world.key),
      peer_(world.network.add(*this)),
      actions_left_(schedule.actions_each) {}

void SimClient::start() {
  is_up_ = true;
  for (const Channel channel :
       {Channel::kNotification, Channel::kIopubClients, Channel::kQuery, Channel::kMuxClients,
        Channel::kControlClients, Channel::kTaskClients, Channel::kBroadcastClients}) {
    world_.network.connect(peer_, channel, name_, dice_.between(0ms, kConnectMax));
  }
  // News is heard before the list of engines is asked for: nothing falls between.
  world_.timeline.after(kConnectMax, [this] {
    if (is_up_) query("connection_request", "{}", {"connection_request", {}, false, false});
  });
}

void SimClient::die() {
  is_up_ = false;
  world_.network.remove(peer_, true);
}

void SimClient::complain(const std::string& text) {
  world_.findings.add("client " + name_ + ": " + text);
}

void SimClient::plan_action() {
  world_.timeline.after(dice_.mostly_short(1us, schedule_.action_gap_max), [this] {
    if (!is_up_ || actions_left_ == 0) return;
    --actions_left_;
    act();
    plan_action();
  });
}

void SimClient::act() {
  const auto kind = dice_.below(100);
  if (kind < 50) {
    submit();
  } else if (kind < 53) {
    submit_again();
  } else if (kind < 68) {
    call_engine();
  } else if (kind < 74) {
    broadcast();
  } else if (kind < 79) {
    control_engine();
  } else if (kind < 88) {
    ask_about_results();
  } else if (kind < 96) {
    ask();
  } else if (kind < 98) {
    purge();
  } else {
    resubmit();
  }
}

MsgId SimClient::send(Channel channel, Frames identities, Message message) {
  message.identities = std::move(identities);
  Frames frames = voice_.encode(message);
  if (channel == Channel::kTaskClients) last_task_ = frames;
  world_.network.send(peer_, channel, std::move(frames));
  return message.header.msg_id;
}

Dependency SimClient::draw_dependency(const MsgId& own_id) {
  const std::vector<MsgId>& planned = world_.book.planned_ids();
  Dependency dependency;
  std::set<MsgId> ids;
  for (std::size_t count = 1 + dice_.below(3); count > 0; --count) {
    if (dice_.chance(2)) {
      ids.insert(dice_.chance(50) ? own_id : MsgId("nobody"));
    } else if (!planned.empty()) {
      // Mostly tasks of late, which may still be on their way.
      const std::size_t back = dice_.below(dice_.chance(80) ? 6 : planned.size());
      ids.insert(planned[planned.size() - 1 - std::min(back, planned.size() - 1)]);
    }
  }
  dependency.ids.assign(ids.begin(), ids.end());
  dependency.all = dice_.chance(65);
  dependency.failure = dice_.chance(30);
  dependency.success = dice_.chance(dependency.failure ? 70 : 98);
  return dependency;
}

TaskWish SimClient::draw_wish(const MsgId& own_id) {
  TaskWish wish;
  wish.behaviour = {schedule_.fails, schedule_.unmet, schedule_.task_max};
  wish.is_malformed = dice_.chance(1);
  if (schedule_.scheme == Scheme::kPure) return wish;
  TaskTerms& terms = wish.terms;
  if (dice_.chance(schedule_.dependencies)) {
    if (dice_.chance(70)) terms.after = draw_dependency(own_id);
    if (dice_.chance(40)) terms.follow = draw_dependency(own_id);
  }
  if (dice_.chance(schedule_.targets) && !engines_.empty()) {
    std::set<EngineUuid> targets;
    for (std::size_t count = 1 + dice_.below(2); count > 0; --count) {
      targets.insert(EngineUuid(dice_.chance(5) ? "no-such-engine" : some_engine()));
    }
    terms.targets.assign(targets.begin(), targets.end());
  }
  if (dice_.chance(schedule_.retries)) {
    terms.retries = static_cast<std::uint32_t>(1 + dice_.below(3));
  }
  if (dice_.chance(schedule_.timeouts)) terms.timeout = dice_.between(1ms, 3s);
  return wish;
}

std::string SimClient::wish_metadata(const TaskWish& wish) const {
  if (wish.is_malformed) return "{\"retries\": \"as often as it takes\"}";
  const TaskTerms& terms = wish.terms;
  std::string metadata = "{\"retries\": " + std::to_string(terms.retries);
  if (!terms.after.ids.empty()) metadata += ", \"after\": " + dependency_json(terms.after);
  if (!terms.follow.ids.empty()) metadata += ", \"follow\": " + dependency_json(terms.follow);
  if (!terms.targets.empty()) metadata += ", \"targets\": " + names_json(terms.targets);
  if (terms.timeout) {
    metadata +=
        ", \"timeout\": " + std::to_string(std::chrono::duration<double>(*terms.timeout).count());
  }
  return metadata + "}";
}

void SimClient::submit() {
  Message message = voice_.request(dice_.chance(80) ? "apply_request" : "execute_request", "{}",
                                   world_.timeline.now());
  const MsgId id = message.header.msg_id;
  TaskWish wish = draw_wish(id);
  message.metadata_json = Frame(wish_metadata(wish));
  if (dice_.chance(50)) message.buffers = {Frame(std::string(dice_.below(100), 'a'))};
  if (wish.terms.after.ids.empty()) wish.terms.after = {};
  if (wish.terms.follow.ids.empty()) wish.terms.follow = {};
  world_.book.plan(id, std::move(wish));
  open_tasks_.insert(id);
  send(Channel::kTaskClients, {}, std::move(message));
}

/// A client that got no answer in time sends its request once more.
void SimClient::submit_again() {
  // A controller that remembers less may well run it twice.
  if (last_task_.empty() || schedule_.outcomes_remembered < 1000) return;
  world_.network.send(peer_, Channel::kTaskClients, last_task_);
}

std::string SimClient::some_engine() {
  auto engine = engines_.begin();
  std::advance(engine, static_cast<std::ptrdiff_t>(dice_.below(engines_.size())));
  return engine->second;
}

void SimClient::call_engine() {
  if (engines_.empty()) return;
  const std::string uuid = some_engine();
  Message message = voice_.request("apply_request", "{}", world_.timeline.now());
  open_calls_[message.header.msg_id] = uuid;
  send(Channel::kMuxClients, {Frame(uuid)}, std::move(message));
}

void SimClient::broadcast() {
  if (engines_.empty()) return;
  Broadcast call{dice_.chance(50), {}, {}};
  Message message = voice_.request("apply_request", "{}", world_.timeline.now());
  const MsgId id = message.header.msg_id;
  std::string targets = "[";
  for (const auto& [engine, uuid] : engines_) {
    if (targets.size() > 1) targets += ", ";
    targets += "[\"" + uuid + "\", " + engine + "]";
    call.engine_of[id.str() + "_" + uuid] = uuid;
  }
  message.metadata_json = Frame("{\"targets\": " + targets + "], \"is_broadcast\": true, " +
                                "\"is_coalescing\": " + (call.is_coalescing ? "true}" : "false}"));
  open_broadcasts_[id] = std::move(call);
  send(Channel::kBroadcastClients, {}, std::move(message));
}

void SimClient::control_engine() {
  if (engines_.empty()) return;
  const std::string uuid = some_engine();
  std::vector<MsgId> ids(open_tasks_.begin(), open_tasks_.end());
  for (const auto& [id, engine] : open_calls_) ids.push_back(id);
  Message message = voice_.request("abort_request", "{\"msg_ids\": " + names_json(ids) + "}",
                                   world_.timeline.now());
  if (dice_.chance(5) && !is_calm_)
    message = voice_.request("shutdown_request", "{}", world_.timeline.now());
  open_calls_[message.header.msg_id] = uuid;
  send(Channel::kControlClients, {Frame(uuid)}, std::move(message));
}

MsgId SimClient::query(std::string type, std::string content, Query facts) {
  Message message = voice_.request(type, std::move(content), world_.timeline.now());
  open_queries_.emplace(message.header.msg_id, std::move(facts));
  return send(Channel::kQuery, {}, std::move(message));
}

void SimClient::ask() {
  static const std::vector<std::pair<std::string, std::string>> kQuestions{
      {"queue_request", R"({"targets": null, "verbose": false})"},
      {"queue_request", R"({"targets": null, "verbose": true})"},
      {"history_request", "{}"},
      {"db_request", R"({"query": {"queue": "task"}, "keys": ["msg_id", "completed"]})"},
      {"load_request", R"({"targets": null})"},
      {"connection_request", "{}"},
  };
  const auto& [type, content] = dice_.pick(kQuestions);
  query(type, content, {type, {}, false, false});
}

std::vector<MsgId> SimClient::some_answered(std::size_t most) {
  std::set<MsgId> ids;
  for (std::size_t count = 0; count < most && !answered_.empty(); ++count) {
    ids.insert(dice_.pick(answered_));
  }
  return {ids.begin(), ids.end()};
}

void SimClient::ask_about_results() {
  std::vector<MsgId> ids = some_answered(1 + dice_.below(3));
  const bool must_be_complete = dice_.chance(60);
  if (!must_be_complete) ids.insert(ids.end(), open_tasks_.begin(), open_tasks_.end());
  if (ids.empty()) return;
  const std::string content = "{\"msg_ids\": " + names_json(ids) +
                              ", \"status_only\": " + (dice_.chance(50) ? "true}" : "false}");
  query("result_request", content, {"result_request", ids, must_be_complete, false});
}

void SimClient::purge() {
  if (!dice_.chance(schedule_.purges)) return;
  if (dice_.chance(20)) {
    world_.book.may_purge_all();
    query("purge_request", R"({"msg_ids": "all", "engine_ids": []})",
          {"purge_request", {}, true, true});
    return;
  }
  const std::vector<MsgId> ids = some_answered(2);
  if (ids.empty()) return;
  world_.book.may_purge(ids);
  query("purge_request", "{\"msg_ids\": " + names_json(ids) + ", \"engine_ids\": []}",
        {"purge_request", ids, true, false});
}

void SimClient::resubmit() {
  const std::vector<MsgId> ids = some_answered(2);
  if (ids.empty()) return;
  query("resubmit_request", "{\"msg_ids\": " + names_json(ids) + "}",
        {"resubmit_request", ids, true, false});
}

MsgId SimClient::parent_of(const Message& message) const {
  const Result<Header> header = parse_header(message.parent_json.view());
  return header ? header->msg_id : MsgId();
}

void SimClient::on_message(Channel channel, Frames frames) {
  const Message message = voice_.decode(frames);
  switch (channel) {
    case Channel::kNotification:
      return on_notification(message);
    case Channel::kQuery:
      return on_query_reply(message);
    case Channel::kTaskClients:
      return on_task_reply(message);
    case Channel::kMuxClients:
    case Channel::kControlClients: {
      const MsgId id = parent_of(message);
      if (open_calls_.erase(id) > 0) {
        answered_calls_.insert(id);
      } else if (answered_calls_.contains(id)) {
        complain("call " + id.str() + " is answered twice");
      }
      return;  // an answer after its engine was said to have left is stale
    }
    case Channel::kBroadcastClients:
      return on_broadcast_reply(message);
    default:
      return;
  }
}

void SimClient::on_notification(const Message& message) {
  const std::string id = std::to_string(number_at(message.content_json.view(), "id").value_or(-1));
  const std::string uuid = text_at(message.content_json.view(), "uuid").value_or("");
  if (message.header.msg_type == "registration_notification") {
    if (!left_.contains(id)) engines_[id] = uuid;
  } else if (message.header.msg_type == "unregistration_notification") {
    engines_.erase(id);
    left_.insert(id);
    engine_left(uuid);
  } else {
    complain("a notification of type " + message.header.msg_type);
  }
}

/// What was asked of that engine fails here; nobody else will say so.
void SimClient::engine_left(const std::string& uuid) {
  std::erase_if(open_calls_, [&](const auto& call) { return call.second == uuid; });
  for (auto entry = open_broadcasts_.begin(); entry != open_broadcasts_.end();) {
    Broadcast& call = entry->second;
    const auto gone =
        std::erase_if(call.engine_of, [&](const auto& part) { return part.second == uuid; });
    const bool is_over = call.engine_of.empty() || (gone > 0 && call.is_coalescing);
    entry = is_over ? open_broadcasts_.erase(entry) : std::next(entry);
  }
}

void SimClient::on_task_reply(const Message& message) {
  const MsgId id = parent_of(message);
  if (open_tasks_.erase(id) == 0) return complain("an unexpected answer to task " + id.str());
  answered_.push_back(id);
}

void SimClient::on_broadcast_reply(const Message& message) {
  const std::string original =
      text_at(message.metadata_json.view(), "original_msg_id").value_or("");
  const auto found = open_broadcasts_.find(MsgId(original));
  if (found == open_broadcasts_.end()) return;  // failed here already
  Broadcast& call = found->second;
  if (!call.is_coalescing) {
    // A part whose engine was said to have left failed here; its answer is stale.
    const std::string part = parent_of(message).str();
    call.engine_of.erase(part);
    if (!call.answered.insert(part).second) complain("part " + part + " is answered twice");
    if (!call.engine_of.empty()) return;
  }
  open_broadcasts_.erase(found);
}

void SimClient::on_query_reply(const Message& message) {
  const auto open = open_queries_.extract(parent_of(message));
  if (!open) return complain("an unexpected " + message.header.msg_type);
  const Query& asked = open.mapped();
  const std::string_view content = message.content_json.view();
  if (asked.purges_all) world_.book.purged_all(world_.timeline.instant());
  if (asked.type == "connection_request") {
    for (const auto& [id, uuid] : members_at(content, "engines")) {
      if (!left_.contains(id)) engines_[id] = uuid;
    }
    if (!std::exchange(is_connected_, true)) plan_action();
  }
  std::string expected = asked.type;
  expected.replace(expected.rfind("_request"), std::string::npos, "_reply");
  const bool is_ok = text_at(content, "status") == "ok";
  if (schedule_.store_fails && !is_ok) return;
  if (message.header.msg_type != expected) {
    return complain(asked.type + " is answered with " + message.header.msg_type);
  }
  if (asked.type == "result_request") return check_results(asked, message);
  const bool may_fail = asked.type == "resubmit_request" &&
                        std::any_of(asked.ids.begin(), asked.ids.end(),
                                    [&](const MsgId& id) { return world_.book.may_be_purged(id); });
  if (!is_ok && !may_fail) complain(asked.type + " failed: " + std::string(content));
}

void SimClient::check_results(const Query& asked, const Message& reply) {
  if (std::any_of(asked.ids.begin(), asked.ids.end(),
                  [&](const MsgId& id) { return world_.book.may_be_purged(id); })) {
    return;
  }
  const std::string_view content = reply.content_json.view();
  if (!asked.must_be_complete) return;  // the tasks may be on their way
  if (text_at(content, "status") != "ok") {
    return complain("results are not told: " + std::string(content));
  }
  const std::vector<std::string> completed = texts_at(content, "completed");
  for (const MsgId& id : asked.ids) {
    if (std::find(completed.begin(), completed.end(), id.str()) == completed.end()) {
      complain("task " + id.str() + " was answered and is not complete: " + std::string(content));
      continue;
    }
    const auto told = json_at(content, id.view(), "result_content");
    if (!told) continue;  // only its status was asked for
    const auto draw =
        json_at("{\"answer\": " + world_.book.answer_to(id).value_or("{}") + "}", "answer", "draw");
    if (draw && told->find("\"draw\":" + *draw) == std::string::npos) {
      complain("task " + id.str() + " ended otherwise than its record says: " + *told);
    }
  }
}

bool SimClient::is_content() const {
  if (!is_up_) return true;
  return is_connected_ && actions_left_ == 0 && open_tasks_.empty() && open_calls_.empty() &&
         open_broadcasts_.empty() && open_queries_.empty();
}

std::map<std::int64_t, std::string> SimClient::known_engines() const {
  std::map<std::int64_t, std::string> known;
  for (const auto& [id, uuid] : engines_) known.emplace(std::stoll(id), uuid);
  return known;
}

std::string SimClient::open_text() const {
  if (is_content()) return "";
  std::string text =
      "  client " + name_ + ", " + std::to_string(actions_left_) + " actions left, waits for";
  for (const MsgId& id : open_tasks_) text += " task " + id.str();
  for (const auto& [id, uuid] : open_calls_) text += " call " + id.str() + " of " + uuid;
  for (const auto& [id, call] : open_broadcasts_) text += " broadcast " + id.str();
  for (const auto& [id, asked] : open_queries_) text += " " + asked.type + " " + id.str();
  return text + "\n";
}

}  // namespace trireme::sim
