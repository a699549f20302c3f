// bare-relay: the limit a controller is measured against. It moves the same frames between the
// same sockets and does nothing else: no signature is checked, no JSON read, nothing stored.
//
// Engines register by their request's frames: the sender's identity is the uuid, the number is the
// order of arrival. They are known from their first pong on; after that no heart is asked. The
// answers of the hub that the load generator needs are signed; no other request gets one.
#include <sys/resource.h>
#include <zmq.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "session/clock.hpp"
#include "session/connection_file.hpp"
#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme::bench {
namespace {

volatile std::sig_atomic_t stopping = 0;

// One part of a message, moved from socket to socket.
class Part {
 public:
  Part() { zmq_msg_init(&message_); }
  explicit Part(std::string_view bytes) {
    zmq_msg_init_size(&message_, bytes.size());
    std::memcpy(zmq_msg_data(&message_), bytes.data(), bytes.size());
  }
  Part(Part&& other) noexcept : Part() { zmq_msg_move(&message_, &other.message_); }
  Part& operator=(Part&& other) noexcept {
    zmq_msg_move(&message_, &other.message_);
    return *this;
  }
  ~Part() { zmq_msg_close(&message_); }

  zmq_msg_t* get() { return &message_; }
  std::string_view view() {
    return {static_cast<const char*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
  }

 private:
  zmq_msg_t message_;
};
using Parts = std::vector<Part>;

bool receive(void* socket, Parts& parts) {
  parts.clear();
  do {
    parts.emplace_back();
    if (zmq_msg_recv(parts.back().get(), socket, ZMQ_DONTWAIT) < 0) return false;
  } while (zmq_msg_more(parts.back().get()) != 0);
  return true;
}

void send(void* socket, Parts& parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int flags = ZMQ_DONTWAIT | (i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    if (zmq_msg_send(parts[i].get(), socket, flags) < 0) return;
  }
}

class Relay {
 public:
  explicit Relay(std::size_t hwm);
  void write_files(const std::filesystem::path& folder);
  void run();

 private:
  static constexpr int kBatchMax = 256;

  void* bind(int type, const char* identity, int& port);
  void answer_query(Parts& parts);
  void call_hearts();
  void welcome(Parts& parts);
  void forget(const std::string& uuid);
  void swap_and_send(Parts& parts, void* to);
  void submit(Parts& parts);
  void dispatch(Parts& parts);
  void finish(Parts& parts);
  bool has_room() const { return hwm_ == 0 ? !engines_.empty() : !free_.empty(); }
  template <class Handler>
  void drain(void* socket, Handler handler);

  void* context_ = zmq_ctx_new();
  std::size_t hwm_;
  ClientConnection client_;
  EngineConnection engine_;
  MessageFactory factory_{new_session_id(), "relay", "0"};
  std::string key_ = new_session_id().str();
  Wire wire_{*Signer::create(key_), *Packer::from_name("json")};
  void* query_;
  void* mux_clients_;
  void* mux_engines_;
  void* task_clients_;
  void* task_engines_;
  void* heart_ping_;
  void* heart_pong_;

  std::size_t next_number_ = 0;
  std::unordered_map<std::string, std::size_t> registered_;  // not known yet, by uuid
  Instant next_ping_{};
  std::vector<std::size_t> engines_;                      // the numbers of those here
  std::unordered_map<std::size_t, std::string> uuids_;    // by number
  std::unordered_map<std::string, std::size_t> numbers_;  // by uuid
  std::deque<std::size_t> free_;  // a number for each task an engine may still take
  std::size_t next_ = 0;          // without a limit: whose turn it is
  std::deque<Parts> waiting_;
};

void* Relay::bind(int type, const char* identity, int& port) {
  void* socket = zmq_socket(context_, type);
  const int unlimited = 0;
  const int backlog = 4096;
  zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(socket, ZMQ_LINGER, &unlimited, sizeof unlimited);
  zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
  if (*identity != '\0') {
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, identity, std::strlen(identity));
  }
  std::array<char, 256> endpoint{};
  std::size_t size = endpoint.size();
  if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 ||
      zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint.data(), &size) != 0) {
    std::fprintf(stderr, "bare-relay: cannot bind: %s\n", zmq_strerror(errno));
    std::exit(1);
  }
  port = std::atoi(std::strrchr(endpoint.data(), ':') + 1);
  return socket;
}

Relay::Relay(std::size_t hwm) : hwm_(hwm) {
  int unused = 0;
  client_.key = engine_.key = key_;
  client_.location = engine_.location = "127.0.0.1";
  query_ = bind(ZMQ_ROUTER, "", client_.registration);
  engine_.registration = client_.registration;
  mux_clients_ = bind(ZMQ_ROUTER, "mux_in", client_.mux);
  mux_engines_ = bind(ZMQ_ROUTER, "mux_out", engine_.mux);
  task_clients_ = bind(ZMQ_ROUTER, "task_in", client_.task);
  task_engines_ = bind(ZMQ_ROUTER, "task_out", engine_.task);
  // Bound so that peers find what the files promise; nothing is read from them.
  bind(ZMQ_ROUTER, "control_in", client_.control);
  bind(ZMQ_ROUTER, "control_out", engine_.control);
  bind(ZMQ_ROUTER, "sub_scheduler_0", client_.broadcast);
  bind(ZMQ_ROUTER, "sub_scheduler_00", unused);
  engine_.broadcast = {unused};
  bind(ZMQ_PUB, "", client_.iopub);
  bind(ZMQ_SUB, "", engine_.iopub);
  bind(ZMQ_PUB, "", client_.notification);
  heart_ping_ = bind(ZMQ_PUB, "", engine_.hb_ping);
  heart_pong_ = bind(ZMQ_ROUTER, "", engine_.hb_pong);
}

void Relay::write_files(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto engine = write_connection(engine_, folder / "ipcontroller-engine.json");
  const auto client = write_connection(client_, folder / "ipcontroller-client.json");
  if (!engine || !client) {
    const Error& error = engine ? client.error() : engine.error();
    std::fprintf(stderr, "bare-relay: %s\n", error.text.c_str());
    std::exit(1);
  }
}

void Relay::call_hearts() {
  const Instant now = std::chrono::steady_clock::now();
  if (registered_.empty() || now < next_ping_) return;
  next_ping_ = now + std::chrono::milliseconds(100);
  zmq_send(heart_ping_, "1", 1, ZMQ_DONTWAIT);
}

void Relay::welcome(Parts& parts) {
  auto registered = registered_.extract(std::string(parts.front().view()));
  if (registered.empty()) return;
  const std::size_t number = registered.mapped();
  engines_.push_back(number);
  uuids_.emplace(number, registered.key());
  numbers_.emplace(registered.key(), number);
  for (std::size_t i = 0; i < hwm_; ++i) free_.push_back(number);
}

void Relay::forget(const std::string& uuid) {
  const auto known = numbers_.find(uuid);
  if (known == numbers_.end()) {
    registered_.erase(uuid);
    return;
  }
  const std::size_t number = known->second;
  std::erase(free_, number);
  std::erase(engines_, number);
  numbers_.erase(known);
  uuids_.erase(number);
}

void Relay::answer_query(Parts& parts) {
  const std::string sender(parts.front().view());
  std::string_view header;
  for (std::size_t i = 0; i + 2 < parts.size(); ++i) {
    if (parts[i].view() == kDelimiter) header = parts[i + 2].view();
  }
  MessageType type = MessageType::kConnectionReply;
  std::string content;
  if (header.find("unregistration_request") != std::string_view::npos) return forget(sender);
  if (header.find("registration_request") != std::string_view::npos) {
    type = MessageType::kRegistrationReply;
    const std::size_t number = next_number_++;
    registered_.emplace(sender, number);
    content = R"({"id": )" + std::to_string(number) + R"(, "status": "ok", "hb_period": 3000})";
  } else if (header.find("connection_request") != std::string_view::npos) {
    for (const auto& [number, uuid] : uuids_) {
      content +=
          (content.empty() ? "\"" : ", \"") + std::to_string(number) + "\": \"" + uuid + "\"";
    }
    content = R"({"status": "ok", "engines": {)" + content + "}}";
  } else {
    return;
  }
  Message reply = factory_.make(type, std::move(content), SystemClock().now().timestamp);
  reply.identities.push_back(Frame(sender));
  Parts answer;
  for (const Frame& frame : wire_.encode(reply)) answer.emplace_back(frame.view());
  send(query_, answer);
}

void Relay::swap_and_send(Parts& parts, void* to) {
  if (parts.size() < 2) return;
  std::swap(parts[0], parts[1]);
  send(to, parts);
}

void Relay::submit(Parts& parts) {
  if (has_room()) {
    dispatch(parts);
  } else {
    waiting_.push_back(std::move(parts));
  }
}

void Relay::dispatch(Parts& parts) {
  std::size_t number = 0;
  if (hwm_ == 0) {
    number = engines_[next_++ % engines_.size()];
  } else {
    number = free_.front();
    free_.pop_front();
  }
  Part engine(uuids_[number]);
  zmq_msg_send(engine.get(), task_engines_, ZMQ_DONTWAIT | ZMQ_SNDMORE);
  send(task_engines_, parts);
}

void Relay::finish(Parts& parts) {
  if (parts.size() < 2) return;
  const auto number = numbers_.find(std::string(parts.front().view()));
  if (number != numbers_.end() && hwm_ > 0) free_.push_back(number->second);
  swap_and_send(parts, task_clients_);
  if (!waiting_.empty() && has_room()) {
    Parts next = std::move(waiting_.front());
    waiting_.pop_front();
    dispatch(next);
  }
}

template <class Handler>
void Relay::drain(void* socket, Handler handler) {
  Parts parts;
  for (int count = 0; count < kBatchMax && receive(socket, parts); ++count) handler(parts);
}

void Relay::run() {
  std::array<zmq_pollitem_t, 6> items{{{query_, 0, ZMQ_POLLIN, 0},
                                       {task_engines_, 0, ZMQ_POLLIN, 0},
                                       {task_clients_, 0, ZMQ_POLLIN, 0},
                                       {mux_engines_, 0, ZMQ_POLLIN, 0},
                                       {mux_clients_, 0, ZMQ_POLLIN, 0},
                                       {heart_pong_, 0, ZMQ_POLLIN, 0}}};
  while (stopping == 0) {
    call_hearts();
    if (zmq_poll(items.data(), items.size(), registered_.empty() ? 1000 : 20) <= 0) continue;
    if (items[5].revents != 0) drain(heart_pong_, [this](Parts& parts) { welcome(parts); });
    if (items[0].revents != 0) drain(query_, [this](Parts& parts) { answer_query(parts); });
    if (items[1].revents != 0) drain(task_engines_, [this](Parts& parts) { finish(parts); });
    if (items[2].revents != 0) drain(task_clients_, [this](Parts& parts) { submit(parts); });
    if (items[3].revents != 0) {
      drain(mux_engines_, [this](Parts& parts) { swap_and_send(parts, mux_clients_); });
    }
    if (items[4].revents != 0) {
      drain(mux_clients_, [this](Parts& parts) { swap_and_send(parts, mux_engines_); });
    }
  }
}

int run(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bare-relay SECURITY_DIR TASKS_PER_ENGINE (0: no limit)\n");
    return 2;
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  std::signal(SIGINT, [](int) { stopping = 1; });
  std::signal(SIGTERM, [](int) { stopping = 1; });
  Relay relay(std::strtoul(argv[2], nullptr, 10));
  relay.write_files(argv[1]);
  relay.run();
  return 0;
}

}  // namespace
}  // namespace trireme::bench

int main(int argc, char** argv) { return trireme::bench::run(argc, argv); }
