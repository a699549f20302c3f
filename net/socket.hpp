// One owned ZeroMQ socket: options, keys, whole multipart messages in and out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

enum class SocketType { kRouter, kDealer, kPub, kSub };

/// A CURVE key pair in Z85 text, 40 characters each.
struct CurveKeys {
  std::string public_key;
  std::string secret_key;
};
/// Makes a fresh pair. kConfiguration when this libzmq was built without CURVE.
Result<CurveKeys> make_curve_keys();
/// The public key that belongs to a secret one. kConfiguration when the text is not a key.
Result<std::string> curve_public_key(const std::string& secret_key);

/// What a socket is opened with. Queues are unlimited in both directions, as the protocol asks,
/// unless a limit says otherwise.
struct SocketOptions {
  std::string identity;                         // empty: ZeroMQ makes one up
  std::optional<std::string> curve_secret_key;  // bind with this key: a CURVE server
  std::optional<std::string> curve_server_key;  // connect to this server, throw-away client keys
  bool take_over_identities = false;  // ROUTER: a peer that returns replaces its old connection
  bool note_sources = false;          // receive() notes where messages come from
  bool report_unreachable = false;  // ROUTER: send() fails with kClosed when the peer is not there
  // Messages that may wait for one peer to read them; 0: any number. Beyond it a ROUTER that
  // reports unreachable peers refuses with kBusy, other sockets drop.
  int send_queue_max = 0;
  // Messages of one peer that may wait for receive(); 0: any number. Further ones wait with the
  // peer.
  int receive_queue_max = 0;
  int linger_ms = 1000;               // how long unsent messages live on after close
  std::int64_t frame_bytes_max = -1;  // a peer that sends a larger frame is disconnected; -1: none
};

/// The ZeroMQ context of a process: owns the I/O thread. Must outlive its sockets. Thread-safe.
class NetContext {
 public:
  /// `sockets_max` bounds how many sockets may be open at once.
  explicit NetContext(int sockets_max = 4096);
  ~NetContext();
  NetContext(const NetContext&) = delete;
  NetContext& operator=(const NetContext&) = delete;

 private:
  friend class Socket;
  friend class ConnectionWatch;
  void* context_;
};

/// Whoever waits for a socket's messages without asking it all the time. Called on its thread.
class SocketObserver {
 public:
  /// Something other than a receive() that found nothing was done to the socket: it may have
  /// taken in the news of a message, which its descriptor then does not tell again.
  virtual void on_touched() = 0;
  /// The socket is about to close.
  virtual void on_closing() = 0;

 protected:
  ~SocketObserver() = default;
};

/// Movable owner of one socket. Belongs to the thread that uses it: not thread-safe. No function
/// blocks and none throws.
class Socket {
 public:
  /// kConfiguration for unusable keys, kIo when the system has no more sockets to give.
  static Result<Socket> open(NetContext& context, SocketType type,
                             const SocketOptions& options = {});

  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  /// Binds `tcp://ip:port`, `tcp://ip:*` or `ipc://path`; returns the port (0 for ipc).
  /// kBusy when the address is in use, kPermission, kConfiguration when it cannot be read.
  Result<int> bind(const std::string& url);
  /// Connects now or later, for as long as the socket lives. kConfiguration for a bad address.
  Result<void> connect(const std::string& url);
  Result<void> disconnect(const std::string& url);
  /// SUB: receives what begins with `prefix`; "" is everything.
  void subscribe(std::string_view prefix);

  /// Queues one message; the frames' bytes are taken over without copying when they are large or
  /// came from a socket. Messages for a ROUTER peer that is not there are dropped, as ZeroMQ does,
  /// or refused with kClosed, the frames untouched, if the socket was opened to report that.
  /// kBusy, the frames untouched, when a peer has read too little of what it was sent before (see
  /// SocketOptions). kClosed or kIo when the socket cannot take it.
  Result<void> send(Frames&& frames);

  /// What has not left by the time the socket closes is dropped then, whatever linger_ms says.
  void drop_unsent();

  /// Takes the next whole message into `frames` (cleared first). False when none is waiting.
  bool receive(Frames& frames);

  /// The descriptor of the connection that the last message came in on, if the socket was opened
  /// to note that; -1 when it is not known. A descriptor is used again once its connection ended.
  int last_source() const noexcept { return last_source_; }

  /// The socket's identity option as set at open.
  const std::string& identity() const noexcept { return identity_; }

 private:
  friend class ConnectionWatch;
  friend class PollLoop;
  Socket(void* handle, int descriptor, std::string identity)
      : handle_(handle), descriptor_(descriptor), identity_(std::move(identity)) {}

  /// For the poll loop; a watched socket keeps its address.
  void observe(SocketObserver* observer) noexcept { observer_ = observer; }
  /// Readable when news of messages came that no call has taken in yet.
  int descriptor() const noexcept { return descriptor_; }
  /// The last thing done was a receive() that found nothing; the descriptor tells of all later
  /// messages.
  bool is_drained() const noexcept { return is_drained_; }
  void touch() {
    if (std::exchange(is_drained_, false) && observer_ != nullptr) observer_->on_touched();
  }

  void* handle_ = nullptr;
  int descriptor_ = -1;
  std::string identity_;
  SocketObserver* observer_ = nullptr;
  bool is_drained_ = false;
  bool reports_unreachable_ = false;
  bool notes_sources_ = false;
  bool sends_originals_ = false;
  int last_source_ = -1;
};

}  // namespace trireme
