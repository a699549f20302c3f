#include "bench/load_client.hpp"

#include <algorithm>
#include <cstdio>

#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme::bench {
namespace {

constexpr int kSendBatch = 64;
constexpr int kReceiveBatch = 256;
// What stock clients send with a task that has no conditions.
constexpr std::string_view kTaskMetadata =
    R"({"after": [], "follow": [], "timeout": null, "targets": [], "retries": 0})";

int port_of(const ClientConnection& connection, LoadMode mode) {
  switch (mode) {
    case LoadMode::kTask:
      return connection.task;
    case LoadMode::kMux:
      return connection.mux;
    case LoadMode::kBroadcast:
      return connection.broadcast;
  }
  return 0;
}

}  // namespace

Result<std::unique_ptr<LoadClient>> LoadClient::connect(NetContext& context, PollLoop& loop,
                                                        const LoadOptions& options,
                                                        const ClientConnection& connection,
                                                        Signer signer) {
  SocketOptions socket_options;
  if (connection.curve_serverkey) socket_options.curve_server_key = *connection.curve_serverkey;
  Result<Socket> socket = Socket::open(context, SocketType::kDealer, socket_options);
  if (!socket) return socket.error();
  const std::string url = peer_url(connection, port_of(connection, options.mode));
  if (Result<void> connected = socket->connect(url); !connected) return connected.error();
  return std::unique_ptr<LoadClient>(
      new LoadClient(loop, options, std::move(signer), *std::move(socket)));
}

LoadClient::LoadClient(PollLoop& loop, const LoadOptions& options, Signer signer, Socket socket)
    : loop_(loop),
      options_(options),
      signer_(std::move(signer)),
      socket_(std::move(socket)),
      session_(new_session_id().str()),
      header_(SessionId(session_), "apply_request"),
      payloads_(options.request_bytes, options.distinct) {
  loop_.watch(socket_, [this] { receive(); });
}

LoadClient::~LoadClient() { loop_.unwatch(socket_); }

void LoadClient::begin(std::uint64_t tasks, LoadShape shape,
                       const std::vector<KnownEngine>& engines) {
  engines_ = &engines;
  shape_ = shape;
  first_number_ += tasks_;
  tasks_ = tasks;
  sent_ = answered_ = replies_ = errors_ = payload_bytes_ = 0;
  pending_.assign(tasks, {});
  round_trips_us10_.clear();
  round_trips_us10_.reserve(tasks);
  if (options_.mode == LoadMode::kBroadcast) make_broadcast_metadata();
}

void LoadClient::make_broadcast_metadata() {
  std::string targets;
  for (const KnownEngine& engine : *engines_) {
    targets += (targets.empty() ? "[\"" : ", [\"") + engine.uuid + "\", " +
               std::to_string(engine.id) + "]";
  }
  broadcast_metadata_ = R"({"targets": [)" + targets + R"(], "is_broadcast": true, )" +
                        R"("is_coalescing": )" + (options_.coalesce ? "true" : "false") + "}";
}

void LoadClient::pump() {
  if (!may_send()) return;
  const std::string date = format_timestamp(SystemClock().now().timestamp);
  for (int count = 0; count < kSendBatch && may_send(); ++count) send_next(date);
}

void LoadClient::send_next(const std::string& date) {
  static const Frame delimiter = Frame::copy_of(kDelimiter);
  static const Frame empty = Frame::copy_of("{}");
  const std::uint64_t index = sent_++;
  const Frame header(header_.make(first_number_ + index, date));
  const Frame metadata(metadata_of(index));
  Frames frames;
  frames.reserve(8);
  if (options_.mode == LoadMode::kMux) {
    frames.push_back(Frame::copy_of((*engines_)[index % engines_->size()].uuid));
  }
  frames.push_back(delimiter);
  frames.emplace_back(signer_.sign({header.view(), empty.view(), metadata.view(), empty.view()}));
  frames.push_back(header);
  frames.push_back(empty);
  frames.push_back(metadata);
  frames.push_back(empty);
  if (!payloads_.empty()) frames.push_back(payloads_.next());

  const bool answers_many = options_.mode == LoadMode::kBroadcast && !options_.coalesce;
  const Instant now = std::chrono::steady_clock::now();
  pending_[index] = {now, answers_many ? static_cast<std::uint32_t>(engines_->size()) : 1};
  if (index == 0) first_sent_ = now;
  if (const Result<void> sent = socket_.send(std::move(frames)); !sent) {
    std::fprintf(stderr, "load-generator: %s\n", sent.error().text.c_str());
  }
}

std::string LoadClient::metadata_of(std::uint64_t index) const {
  if (options_.mode == LoadMode::kMux) return "{}";
  if (options_.mode == LoadMode::kBroadcast) return broadcast_metadata_;
  const std::string after = dependencies_of(index);
  if (after.empty()) return std::string(kTaskMetadata);
  return R"({"after": [)" + after +
         R"(], "follow": [], "timeout": null, "targets": [], "retries": 0})";
}

// The quoted ids that the task waits for.
std::string LoadClient::dependencies_of(std::uint64_t index) const {
  const auto quoted = [&](std::uint64_t at) {
    return '"' + header_.msg_id(first_number_ + at) + '"';
  };
  switch (shape_) {
    case LoadShape::kIndependent:
      return {};
    case LoadShape::kChains: {
      // Chains lie across the round, so that the first task of each comes first.
      const std::uint64_t chains = std::max<std::uint64_t>(1, tasks_ / options_.shape_size);
      return index < chains ? std::string() : quoted(index - chains);
    }
    case LoadShape::kFans: {
      const std::uint64_t place = index % (options_.shape_size + 2);
      const std::uint64_t root = index - place;
      if (place == 0) return {};
      if (place <= options_.shape_size) return quoted(root);
      std::string all;
      for (std::uint64_t at = root + 1; at < index; ++at) {
        all += (all.empty() ? "" : ", ") + quoted(at);
      }
      return all;
    }
  }
  return {};
}

void LoadClient::receive() {
  Frames frames;
  for (int count = 0; count < kReceiveBatch && socket_.receive(frames); ++count) {
    on_reply(frames, std::chrono::steady_clock::now());
  }
  pump();
}

void LoadClient::on_reply(const Frames& frames, Instant now) {
  const Result<Envelope> at = find_envelope(frames);
  std::uint64_t number = 0;
  if (!at || !find_number(frames[at->parent()].view(), session_, number)) return;
  if (number < first_number_ || number - first_number_ >= pending_.size()) return;
  Pending& pending = pending_[number - first_number_];
  if (pending.replies_missing == 0) return;  // a second reply
  ++replies_;
  if (frames[at->content()].view().find("\"ok\"") == std::string_view::npos) ++errors_;
  for (std::size_t i = at->buffers(); i < frames.size(); ++i) payload_bytes_ += frames[i].size();
  payload_bytes_ += options_.request_bytes;
  if (--pending.replies_missing > 0) return;
  ++answered_;
  last_answered_ = now;
  round_trips_us10_.push_back(static_cast<std::uint32_t>((now - pending.sent).count() / 100));
}

void LoadClient::report(LoadFigures& figures) const {
  figures.tasks += answered_;
  figures.replies += replies_;
  figures.errors += errors_;
  figures.lost += tasks_ - answered_;
  figures.payload_bytes += payload_bytes_;
  figures.round_trips_us10.insert(figures.round_trips_us10.end(), round_trips_us10_.begin(),
                                  round_trips_us10_.end());
}

}  // namespace trireme::bench
