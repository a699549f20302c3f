#include "bench/null_engine.hpp"

#include <charconv>
#include <cstdio>
#include <memory>
#include <utility>

#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme::bench {
namespace {

constexpr std::string_view kOkContent = R"({"status": "ok"})";

const Frame& delimiter() {
  static const Frame frame = Frame::copy_of(kDelimiter);
  return frame;
}

std::size_t delimiter_of(const Frames& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].view() == kDelimiter) return i;
  }
  return frames.size();
}

// The value of `"key": ` in JSON text as it stands there, up to the next comma or brace.
std::string_view raw_value(std::string_view json, std::string_view key) {
  const std::size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  std::size_t from = at + key.size();
  while (from < json.size() && (json[from] == ' ' || json[from] == ':')) ++from;
  return json.substr(from, json.find_first_of(",}", from) - from);
}

void report(const Result<void>& result) {
  if (!result) std::fprintf(stderr, "load-generator: %s\n", result.error().text.c_str());
}

}  // namespace

NullEngine::NullEngine(EngineSetup& setup, const OnReply& on_reply)
    : setup_(setup),
      on_reply_(on_reply),
      uuid_(new_session_id().view()),
      header_(SessionId(uuid_.view()), "apply_reply"),
      metadata_end_(R"(", "dependencies_met": true, "engine": ")" + uuid_.str() +
                    R"(", "is_broadcast": false, "is_coalescing": false, "original_msg_id": "")"
                    R"(, "label": null, "status": "ok"})") {}

NullEngine::~NullEngine() {
  for (const auto* socket : {&registration_, &shell_, &heart_ping_}) {
    if (*socket) setup_.loop.unwatch(**socket);
  }
}

Result<std::unique_ptr<NullEngine>> NullEngine::start(EngineSetup& setup, const OnReply& on_reply) {
  std::unique_ptr<NullEngine> engine(new NullEngine(setup, on_reply));
  if (Result<void> opened = engine->open_registration(); !opened) return opened.error();
  return engine;
}

Result<Socket> NullEngine::connect(SocketType type, int port, bool named) {
  SocketOptions options;
  if (named) options.identity = uuid_.str();
  options.linger_ms = 200;
  if (setup_.connection.curve_serverkey) {
    options.curve_server_key = *setup_.connection.curve_serverkey;
  }
  Result<Socket> socket = Socket::open(setup_.context, type, options);
  if (!socket) return socket;
  if (Result<void> connected = socket->connect(peer_url(setup_.connection, port)); !connected) {
    return connected.error();
  }
  return socket;
}

Result<void> NullEngine::open_registration() {
  Result<Socket> socket = connect(SocketType::kDealer, setup_.connection.registration, true);
  if (!socket) return socket.error();
  registration_ = *std::move(socket);
  setup_.loop.watch(*registration_, [this] { on_registration(); });
  MessageFactory factory(SessionId(uuid_.view()), "bench", "r");
  const Wire wire(setup_.signer.clone(), *Packer::from_name("json"));
  const Message request =
      factory.make(MessageType::kRegistrationRequest, R"({"uuid": ")" + uuid_.str() + "\"}",
                   SystemClock().now().timestamp);
  return registration_->send(wire.encode(request));
}

void NullEngine::on_registration() {
  Frames frames;
  while (registration_->receive(frames)) {
    const std::size_t at = delimiter_of(frames);
    if (id_ >= 0 || frames.size() < at + 6) continue;
    const std::string_view id = raw_value(frames[at + 5].view(), R"("id")");
    if (std::from_chars(id.data(), id.data() + id.size(), id_).ec != std::errc{}) {
      std::fprintf(stderr, "load-generator: registration refused: %s\n",
                   frames[at + 5].to_string().c_str());
      continue;
    }
    report(open_channels(id_));
  }
}

Result<void> NullEngine::open_channels(int id) {
  const EngineConnection& ports = setup_.connection;
  Result<Socket> shell = connect(SocketType::kRouter, ports.mux, true);
  if (!shell) return shell.error();
  shell_ = *std::move(shell);
  if (auto task = shell_->connect(peer_url(ports, ports.task)); !task) return task;
  if (!ports.broadcast.empty()) {
    const auto leaf = static_cast<std::size_t>(id) % ports.broadcast.size();
    if (auto leafed = shell_->connect(peer_url(ports, ports.broadcast[leaf])); !leafed) {
      return leafed;
    }
  }
  setup_.loop.watch(*shell_, [this] { answer_requests(); });
  if (setup_.all_channels) {
    Result<Socket> control = connect(SocketType::kRouter, ports.control, true);
    if (!control) return control.error();
    control_ = *std::move(control);
    Result<Socket> iopub = connect(SocketType::kPub, ports.iopub, true);
    if (!iopub) return iopub.error();
    iopub_ = *std::move(iopub);
  }
  return open_heart();
}

Result<void> NullEngine::open_heart() {
  Result<Socket> pong = connect(SocketType::kDealer, setup_.connection.hb_pong, true);
  if (!pong) return pong.error();
  heart_pong_ = *std::move(pong);
  Result<Socket> ping = connect(SocketType::kSub, setup_.connection.hb_ping, false);
  if (!ping) return ping.error();
  heart_ping_ = *std::move(ping);
  heart_ping_->subscribe("");
  setup_.loop.watch(*heart_ping_, [this] { echo_heart(); });
  return {};
}

void NullEngine::echo_heart() {
  Frames frames;
  while (heart_ping_ && heart_ping_->receive(frames)) {
    report(heart_pong_->send(std::move(frames)));
  }
}

void NullEngine::answer_requests() {
  constexpr int kBatchMax = 256;
  Frames request;
  const std::string date = format_timestamp(SystemClock().now().timestamp);
  for (int count = 0; count < kBatchMax && shell_->receive(request); ++count) {
    if (request.size() < delimiter_of(request) + 6) continue;
    on_reply_(*this, reply_to(request, date));
  }
}

Frames NullEngine::reply_to(const Frames& request, const std::string& date) {
  static const Frame content = Frame::copy_of(kOkContent);
  const std::size_t at = delimiter_of(request);
  const Envelope envelope{at};
  const std::string_view asked = request[envelope.metadata()].view();
  const bool is_broadcast = asked.find(R"("original_msg_id")") != std::string_view::npos;

  const Frame header(header_.make(next_number_++, date));
  const Frame metadata(is_broadcast ? broadcast_metadata(asked, date)
                                    : R"({"started": ")" + date + metadata_end_);
  const Frame& parent = request[envelope.header()];

  Frames reply;
  reply.reserve(at + 7);
  reply.insert(reply.end(), request.begin(), request.begin() + static_cast<std::ptrdiff_t>(at));
  reply.push_back(delimiter());
  reply.emplace_back(
      setup_.signer.sign({header.view(), parent.view(), metadata.view(), content.view()}));
  reply.push_back(header);
  reply.push_back(parent);
  reply.push_back(metadata);
  reply.push_back(content);
  if (!setup_.payloads.empty()) reply.push_back(setup_.payloads.next());
  return reply;
}

std::string NullEngine::broadcast_metadata(std::string_view request_metadata,
                                           const std::string& date) const {
  const std::string_view coalescing = raw_value(request_metadata, R"("is_coalescing")");
  return R"({"started": ")" + date + R"(", "dependencies_met": true, "engine": ")" + uuid_.str() +
         R"(", "is_broadcast": true, "is_coalescing": )" + std::string(coalescing) +
         R"(, "original_msg_id": )" +
         std::string(raw_value(request_metadata, R"("original_msg_id")")) +
         R"(, "label": null, "status": "ok"})";
}

void NullEngine::send(Frames reply) {
  if (shell_) report(shell_->send(std::move(reply)));
}

void NullEngine::leave() {
  MessageFactory factory(SessionId(uuid_.view()), "bench", "u");
  const Wire wire(setup_.signer.clone(), *Packer::from_name("json"));
  const Message request =
      factory.make(MessageType::kUnregistrationRequest, R"({"id": )" + std::to_string(id_) + "}",
                   SystemClock().now().timestamp);
  report(registration_->send(wire.encode(request)));
  if (heart_ping_) setup_.loop.unwatch(*heart_ping_);
  heart_ping_.reset();
  heart_pong_.reset();
}

}  // namespace trireme::bench
