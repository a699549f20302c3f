// The registration requests, the hub's answers, and the limits of patience.
#include "engine/registration.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "session/message_type.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

/// What the heart assumes of a hub that does not tell its period.
constexpr std::int64_t kDefaultPeriodMs = 3'000;
constexpr std::int64_t kPeriodMsMax = 24 * 3'600 * 1'000;

std::string text_of(const Json& content, const char* key) {
  const auto found = content.find(key);
  return found != content.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<Membership> read_membership(const Json& content) {
  const auto id = content.find("id");
  if (id == content.end() || !id->is_number_integer()) return std::nullopt;
  const auto number = id->get<std::int64_t>();
  if (number < 0 || number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  std::int64_t period_ms = kDefaultPeriodMs;
  const auto period = content.find("hb_period");
  if (period != content.end() && period->is_number()) {
    const double wanted_ms = period->get<double>();
    if (wanted_ms >= 1 && wanted_ms <= kPeriodMsMax) {
      period_ms = static_cast<std::int64_t>(wanted_ms);
    }
  }
  return Membership{EngineId(static_cast<std::int32_t>(number)),
                    std::chrono::milliseconds(period_ms)};
}

}  // namespace

Registration::Registration(EngineUuid uuid, MessageFactory factory, RegistrationOptions options)
    : uuid_(std::move(uuid)), factory_(std::move(factory)), options_(options) {}

void Registration::start(Now now, EngineOutbox& out) {
  TRIREME_CHECK(state_ == State::kIdle, "an engine registers once");
  state_ = State::kAsked;
  give_up_at_ = now.instant + options_.timeout;
  ask_again_at_ = now.instant + options_.timeout / 2;
  ask(now, out);
}

void Registration::ask(Now now, EngineOutbox& out) {
  std::string content = R"({"uuid": )" + json_quote(uuid_.view());
  std::optional<int> id = options_.wanted_id;
  if (membership_) id = membership_->id.value();
  if (id) content += R"(, "id": )" + std::to_string(*id);
  out.send(EngineChannel::kRegistration,
           factory_.make(MessageType::kRegistrationRequest, content + "}", now.timestamp));
}

void Registration::check(Now now, EngineOutbox& out) {
  if (state_ != State::kJoined) return;
  out.send(EngineChannel::kRegistration,
           factory_.make(MessageType::kConnectionRequest, "{}", now.timestamp));
}

void Registration::on_engines(const Message& message, EngineOutbox& out) {
  if (state_ != State::kJoined || joins_again_) return;
  const Json content = Json::parse(message.content_json.view(), nullptr, false);
  const auto engines = content.is_object() ? content.find("engines") : content.end();
  if (!content.is_object() || engines == content.end() || !engines->is_object()) return;
  for (const Json& uuid : *engines) {
    if (uuid.is_string() && uuid.get_ref<const std::string&>() == uuid_.view()) return;
  }
  out.log(LogLevel::kWarning, "The controller came back without this engine; joining again.");
  joins_again_ = true;
  ask_again_at_ = Instant{};  // now
}

void Registration::on_second_grant(const Message& message, EngineOutbox& out) {
  if (!joins_again_) return;
  const Json content = Json::parse(message.content_json.view(), nullptr, false);
  if (!content.is_object()) return;
  joins_again_ = false;
  ask_again_at_.reset();
  const auto granted = read_membership(content);
  if (text_of(content, "status") != "ok" || !granted) {
    out.log(LogLevel::kWarning, "The controller did not let this engine join again: " +
                                    text_of(content, "ename") + " " + text_of(content, "evalue"));
    return;
  }
  membership_ = granted;
  out.log(LogLevel::kInfo,
          "Joined again as engine " + std::to_string(membership_->id.value()) + ".");
}

void Registration::on_message(const Message& message, EngineOutbox& out) {
  const auto type = message_type(message.header.msg_type);
  if (type == MessageType::kConnectionReply) return on_engines(message, out);
  if (type == MessageType::kRegistrationReply && state_ == State::kJoined) {
    return on_second_grant(message, out);
  }
  if (message_type(message.header.msg_type) != MessageType::kRegistrationReply) {
    out.log(LogLevel::kWarning, "The hub sent an unexpected '" + message.header.msg_type +
                                    "' to the registration; ignored.");
    return;
  }
  if (state_ != State::kAsked) return;
  const Json content = Json::parse(message.content_json.view(), nullptr, false);
  if (!content.is_object()) {
    fail("The controller's registration_reply cannot be read: its content is not a JSON object.");
    return;
  }
  if (text_of(content, "status") != "ok") {
    fail("The controller refused to register engine " + uuid_.str() + ": " +
         text_of(content, "ename") + " " + text_of(content, "evalue"));
    return;
  }
  membership_ = read_membership(content);
  if (!membership_) {
    fail("The controller's registration_reply gives no usable engine id.");
    return;
  }
  state_ = State::kJoined;
  if (options_.wanted_id && *options_.wanted_id != membership_->id.value()) {
    out.log(LogLevel::kWarning, "Id " + std::to_string(*options_.wanted_id) +
                                    " is taken; this engine got id " +
                                    std::to_string(membership_->id.value()) + " instead.");
  }
}

void Registration::on_deadline(Now now, EngineOutbox& out) {
  if (state_ == State::kJoined && joins_again_ && ask_again_at_ && now.instant >= *ask_again_at_) {
    ask_again_at_ = now.instant + options_.timeout / 2;
    ask(now, out);
  }
  if (state_ != State::kAsked) return;
  if (now.instant >= give_up_at_) {
    out.send(EngineChannel::kRegistration, goodbye(now));
    fail("No answer from the controller's registration port within " +
         std::to_string(options_.timeout.count()) +
         " ms; check that the controller runs and that its connection file is current.");
    return;
  }
  if (ask_again_at_ && now.instant >= *ask_again_at_) {
    ask_again_at_.reset();
    ask(now, out);
  }
}

void Registration::leave(Now now, EngineOutbox& out) {
  if (state_ == State::kJoined) out.send(EngineChannel::kRegistration, goodbye(now));
  if (state_ != State::kFailed) state_ = State::kLeft;
}

Message Registration::goodbye(Now now) {
  const std::string id = membership_ ? std::to_string(membership_->id.value()) : "null";
  return factory_.make(MessageType::kUnregistrationRequest,
                       R"({"id": )" + id + R"(, "uuid": )" + json_quote(uuid_.view()) + "}",
                       now.timestamp);
}

void Registration::fail(std::string text) {
  state_ = State::kFailed;
  failure_ = std::move(text);
}

std::optional<Instant> Registration::next_deadline() const {
  if (state_ == State::kJoined && joins_again_) return ask_again_at_;
  if (state_ != State::kAsked) return std::nullopt;
  return ask_again_at_ ? std::min(*ask_again_at_, give_up_at_) : give_up_at_;
}

}  // namespace trireme
