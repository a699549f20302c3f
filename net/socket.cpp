#include "net/socket.hpp"

#include <zmq.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <typeinfo>
#include <utility>

namespace trireme {
namespace {

// Frames up to this size are copied when they come: small messages lie together in what ZeroMQ read
// them into, and one that is kept would keep 8 KiB with it. The small frames of a message are
// copied into one piece of memory. On sending a copy is cheaper than counting a reference.
constexpr std::size_t kCopyBytesMax = 512;

std::string_view bytes_of(zmq_msg_t* message) {
  return {static_cast<const char*>(zmq_msg_data(message)), zmq_msg_size(message)};
}

// Bytes that came from ZeroMQ, kept in its own message so that they can leave without a copy.
class ReceivedStorage final : public FrameStorage {
 public:
  explicit ReceivedStorage(zmq_msg_t* message) {
    zmq_msg_init(&message_);
    zmq_msg_move(&message_, message);
    set_bytes(bytes_of(&message_));
  }
  ~ReceivedStorage() override { zmq_msg_close(&message_); }

  zmq_msg_t* message() { return &message_; }

 private:
  zmq_msg_t message_;
};

// Parts as ZeroMQ handed them over leave only where no more messages than this may wait for a
// reader: each holds what ZeroMQ read it into, up to 18 KB.
constexpr int kOriginalsWaitingMax = 1000;

// The message that came last, as ZeroMQ handed it over. Most messages go on at once: then these
// parts leave, and the copies made of them stay with whoever keeps the frames.
class LastReceived {
 public:
  LastReceived() = default;
  LastReceived(const LastReceived&) = delete;
  LastReceived& operator=(const LastReceived&) = delete;
  ~LastReceived() {
    for (Part& part : parts_) zmq_msg_close(&part.message);
  }

  /// Another message begins.
  void begin() {
    block_ = {};
    count_ = sent_ = small_bytes_ = 0;
    if (parts_.size() > kPartsKept) forget_some();
  }

  /// Where to receive the next part.
  zmq_msg_t* next() {
    if (count_ == parts_.size()) zmq_msg_init(&parts_.emplace_back().message);
    return &parts_[count_].message;
  }
  void count_part() {
    Part& part = parts_[count_++];
    part.copy = nullptr;
    part.bytes = bytes_of(&part.message);
    if (part.is_small()) small_bytes_ += part.bytes.size();
  }

  /// All parts are here: the frames of the message.
  void finish(Frames& frames) {
    frames.reserve(count_);
    FrameBlock block(small_bytes_);
    for (std::size_t i = 0; i < count_; ++i) {
      Part& part = parts_[i];
      if (!part.is_small()) {
        frames.push_back(Frame::adopt(new ReceivedStorage(&part.message)));
        continue;
      }
      const Frame& copy = frames.emplace_back(block.add(part.bytes));
      if (part.bytes.empty()) continue;
      part.copy = copy.view().data();
      if (block_.empty()) block_ = copy;
    }
  }

  /// Moves the original of this frame to `message` if it is here still; frames that are sent in
  /// the order in which they came are found at once.
  bool take(const Frame& frame, zmq_msg_t* message) {
    if (frame.storage() != block_.storage()) return false;
    for (std::size_t i = sent_; i < count_; ++i) {
      Part& part = parts_[i];
      if (part.copy != frame.view().data()) continue;
      part.copy = nullptr;
      sent_ = i + 1;
      zmq_msg_init(message);
      return zmq_msg_move(message, &part.message) == 0;
    }
    return false;
  }

 private:
  static constexpr std::size_t kPartsKept = 16;
  struct Part {
    zmq_msg_t message;
    std::string_view bytes;
    const char* copy = nullptr;  // of its bytes, while the original is here

    bool is_small() const { return bytes.size() <= kCopyBytesMax; }
  };

  void forget_some() {
    for (std::size_t i = kPartsKept; i < parts_.size(); ++i) zmq_msg_close(&parts_[i].message);
    parts_.resize(kPartsKept);
  }

  std::deque<Part> parts_;       // ZeroMQ's messages do not like to change their place
  std::size_t count_ = 0;        // of this message
  std::size_t small_bytes_ = 0;  // of its small parts together
  std::size_t sent_ = 0;         // where the search goes on
  Frame block_;                  // the copies; held, so that nothing else can lie where they do
};

LastReceived& last_received() {
  thread_local LastReceived last;
  return last;
}

void release_frame(void* /*data*/, void* hint) { delete static_cast<Frame*>(hint); }

// Fills `message` with the frame's bytes by the cheapest means; false when memory ran out.
bool fill(zmq_msg_t* message, const Frame& frame, LastReceived* last) {
  const std::string_view bytes = frame.view();
  if (bytes.size() <= kCopyBytesMax) {
    if (last != nullptr && !bytes.empty() && last->take(frame, message)) return true;
    if (zmq_msg_init_size(message, bytes.size()) != 0) return false;
    if (!bytes.empty()) std::memcpy(zmq_msg_data(message), bytes.data(), bytes.size());
    return true;
  }
  FrameStorage* storage = frame.storage();
  if (typeid(*storage) == typeid(ReceivedStorage)) {
    auto* received = static_cast<ReceivedStorage*>(storage);
    zmq_msg_init(message);
    return zmq_msg_copy(message, received->message()) == 0;
  }
  auto* keeper = new Frame(frame);
  // ZeroMQ never writes to message data; its interface is older than const.
  if (zmq_msg_init_data(message, const_cast<char*>(bytes.data()), bytes.size(), release_frame,
                        keeper) != 0) {
    delete keeper;
    return false;
  }
  return true;
}

int zmq_type(SocketType type) {
  switch (type) {
    case SocketType::kRouter:
      return ZMQ_ROUTER;
    case SocketType::kDealer:
      return ZMQ_DEALER;
    case SocketType::kPub:
      return ZMQ_PUB;
    case SocketType::kSub:
      return ZMQ_SUB;
  }
  return -1;
}

Error network_error(int code, const std::string& what) {
  ErrorCode kind = ErrorCode::kIo;
  std::string mend;
  if (code == EADDRINUSE) {
    kind = ErrorCode::kBusy;
    mend = "; choose another port or end the program that has it";
  } else if (code == EACCES || code == EPERM) {
    kind = ErrorCode::kPermission;
  } else if (code == EINVAL || code == ENODEV || code == EADDRNOTAVAIL || code == EPROTONOSUPPORT) {
    kind = ErrorCode::kConfiguration;
    mend = "; check the address";
  } else if (code == ETERM || code == ENOTSOCK) {
    kind = ErrorCode::kClosed;
  } else if (code == EMFILE) {
    mend = "; raise the limit on open files (ulimit -n)";
  }
  return Error{kind, what + ": " + zmq_strerror(code) + mend};
}

bool set_int(void* handle, int option, int value) {
  return zmq_setsockopt(handle, option, &value, sizeof value) == 0;
}
bool set_text(void* handle, int option, const std::string& value) {
  return zmq_setsockopt(handle, option, value.data(), value.size()) == 0;
}

bool set_curve(void* handle, const SocketOptions& options) {
  if (options.curve_secret_key) {
    return set_int(handle, ZMQ_CURVE_SERVER, 1) &&
           set_text(handle, ZMQ_CURVE_SECRETKEY, *options.curve_secret_key);
  }
  if (!options.curve_server_key) return true;
  const Result<CurveKeys> keys = make_curve_keys();
  return keys && set_text(handle, ZMQ_CURVE_SERVERKEY, *options.curve_server_key) &&
         set_text(handle, ZMQ_CURVE_PUBLICKEY, keys->public_key) &&
         set_text(handle, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}

bool set_options(void* handle, SocketType type, const SocketOptions& options) {
  bool good = set_int(handle, ZMQ_SNDHWM, options.send_queue_max) &&
              set_int(handle, ZMQ_RCVHWM, options.receive_queue_max) &&
              set_int(handle, ZMQ_LINGER, options.linger_ms) &&
              set_int(handle, ZMQ_RECONNECT_IVL, 100) &&
              set_int(handle, ZMQ_RECONNECT_IVL_MAX, 2000) && set_int(handle, ZMQ_BACKLOG, 4096);
  if (!options.identity.empty()) {
    good = good && set_text(handle, ZMQ_ROUTING_ID, options.identity);
  }
  if (options.frame_bytes_max >= 0) {
    good = good && zmq_setsockopt(handle, ZMQ_MAXMSGSIZE, &options.frame_bytes_max,
                                  sizeof options.frame_bytes_max) == 0;
  }
  if (type == SocketType::kRouter && options.take_over_identities) {
    good = good && set_int(handle, ZMQ_ROUTER_HANDOVER, 1);
  }
  if (type == SocketType::kRouter && options.report_unreachable) {
    good = good && set_int(handle, ZMQ_ROUTER_MANDATORY, 1);
  }
  return good;
}

}  // namespace

Result<CurveKeys> make_curve_keys() {
  std::array<char, 41> public_key{};
  std::array<char, 41> secret_key{};
  if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return Error{ErrorCode::kConfiguration,
                 "CURVE encryption is not available: this libzmq was built without it"};
  }
  return CurveKeys{public_key.data(), secret_key.data()};
}

Result<std::string> curve_public_key(const std::string& secret_key) {
  std::array<char, 41> public_key{};
  if (secret_key.size() != 40 || zmq_curve_public(public_key.data(), secret_key.c_str()) != 0) {
    return Error{ErrorCode::kConfiguration,
                 "the CURVE secret key is not a key of 40 Z85 characters; make a pair with "
                 "zmq_curve_keypair or leave both keys out"};
  }
  return std::string(public_key.data());
}

NetContext::NetContext(int sockets_max) : context_(zmq_ctx_new()) {
  TRIREME_CHECK(context_ != nullptr, "ZeroMQ gave no context");
  zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, sockets_max);
}

NetContext::~NetContext() {
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

Result<Socket> Socket::open(NetContext& context, SocketType type, const SocketOptions& options) {
  void* handle = zmq_socket(context.context_, zmq_type(type));
  if (handle == nullptr) return network_error(errno, "cannot open a socket");
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size);
  Socket socket(handle, descriptor, options.identity);
  if (!set_options(handle, type, options)) {
    return network_error(errno, "cannot set the options of a socket");
  }
  if (!set_curve(handle, options)) {
    return Error{ErrorCode::kConfiguration,
                 "the CURVE key cannot be used; it must be 40 Z85 characters"};
  }
  socket.reports_unreachable_ = options.report_unreachable;
  socket.notes_sources_ = options.note_sources;
  socket.sends_originals_ =
      options.send_queue_max > 0 && options.send_queue_max <= kOriginalsWaitingMax;
  return socket;
}

Socket::Socket(Socket&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      descriptor_(other.descriptor_),
      identity_(std::move(other.identity_)),
      is_drained_(other.is_drained_),
      reports_unreachable_(other.reports_unreachable_),
      notes_sources_(other.notes_sources_),
      sends_originals_(other.sends_originals_),
      last_source_(other.last_source_) {
  TRIREME_CHECK(other.observer_ == nullptr, "a watched socket keeps its address");
}

Socket& Socket::operator=(Socket&& other) noexcept {
  TRIREME_CHECK(observer_ == nullptr && other.observer_ == nullptr,
                "a watched socket keeps its address");
  std::swap(handle_, other.handle_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(identity_, other.identity_);
  std::swap(is_drained_, other.is_drained_);
  std::swap(reports_unreachable_, other.reports_unreachable_);
  std::swap(notes_sources_, other.notes_sources_);
  std::swap(sends_originals_, other.sends_originals_);
  std::swap(last_source_, other.last_source_);
  return *this;
}

Socket::~Socket() {
  if (observer_ != nullptr) observer_->on_closing();
  if (handle_ != nullptr) zmq_close(handle_);
}

Result<int> Socket::bind(const std::string& url) {
  touch();
  if (zmq_bind(handle_, url.c_str()) != 0) return network_error(errno, "cannot bind " + url);
  std::array<char, 512> endpoint{};
  std::size_t length = endpoint.size();
  if (zmq_getsockopt(handle_, ZMQ_LAST_ENDPOINT, endpoint.data(), &length) != 0) {
    return network_error(errno, "cannot read the address bound for " + url);
  }
  const std::string_view bound(endpoint.data());
  const std::size_t colon = bound.rfind(':');
  if (!bound.starts_with("tcp://") || colon == std::string_view::npos) return 0;
  return std::atoi(endpoint.data() + colon + 1);
}

Result<void> Socket::connect(const std::string& url) {
  touch();
  if (zmq_connect(handle_, url.c_str()) != 0)
    return network_error(errno, "cannot connect to " + url);
  return {};
}

Result<void> Socket::disconnect(const std::string& url) {
  touch();
  if (zmq_disconnect(handle_, url.c_str()) != 0) {
    return network_error(errno, "cannot disconnect from " + url);
  }
  return {};
}

void Socket::subscribe(std::string_view prefix) {
  touch();
  TRIREME_CHECK(zmq_setsockopt(handle_, ZMQ_SUBSCRIBE, prefix.data(), prefix.size()) == 0,
                "only SUB sockets subscribe");
}

Result<void> Socket::send(Frames&& frames) {
  touch();
  LastReceived* const last = sends_originals_ ? &last_received() : nullptr;
  const std::size_t count = frames.size();
  for (std::size_t i = 0; i < count; ++i) {
    zmq_msg_t message;
    if (!fill(&message, frames[i], last)) return network_error(ENOMEM, "cannot send");
    const int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
    int sent = -1;
    do {
      sent = zmq_msg_send(&message, handle_, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
      const int code = errno;
      zmq_msg_close(&message);
      if (code == EAGAIN && i == 0 && reports_unreachable_) {
        return Error{ErrorCode::kBusy, "the peer does not read what it is sent"};
      }
      if (code == EHOSTUNREACH) return Error{ErrorCode::kClosed, "the peer is not connected"};
      return network_error(code, "cannot send");
    }
  }
  Frame::release(frames);
  return {};
}

void Socket::drop_unsent() { set_int(handle_, ZMQ_LINGER, 0); }

bool Socket::receive(Frames& frames) {
  frames.clear();
  LastReceived& message = last_received();
  message.begin();
  bool more = true;
  while (more) {
    zmq_msg_t* part = message.next();
    // The first part may not be there yet; the rest of a message always is.
    int received = -1;
    do {
      received = zmq_msg_recv(part, handle_, ZMQ_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
      message.begin();
      is_drained_ = true;
      return false;
    }
    more = zmq_msg_more(part) != 0;
    if (notes_sources_ && !more) last_source_ = zmq_msg_get(part, ZMQ_SRCFD);
    message.count_part();
  }
  message.finish(frames);
  touch();
  return true;
}

}  // namespace trireme
