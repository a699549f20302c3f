// What one task costs the controller's core, stage by stage, without sockets and threads.
#include <benchmark/benchmark.h>

#include "bench/traffic.hpp"
#include "controller/core/controller_core.hpp"

namespace trireme::bench {
namespace {

// A core with registered engines whose hearts beat.
class RunningCore {
 public:
  explicit RunningCore(std::size_t engines)
      : core_(options(), bench_wire(),
              MessageFactory(SessionId("c0000000-00112233445566778899aabb"), "bench", "1"),
              std::mt19937_64(1)) {
    core_.start(now_);
    for (std::size_t i = 0; i < engines; ++i) {
      core_.on_frames(Channel::kQuery, traffic_.registration(Traffic::engine(i)), now_, out_);
    }
    // Engines are known at the beat after their first pong.
    for (int beat = 0; beat < 3; ++beat) {
      now_.instant += std::chrono::seconds(3);
      out_ = Outbox();
      core_.on_deadline(now_, out_);
      const Frame ping = ping_of(out_);
      for (std::size_t i = 0; i < engines; ++i) {
        core_.on_frames(Channel::kHeartPong, {Frame(Traffic::engine(i)), ping}, now_, out_);
      }
    }
    out_ = Outbox();
  }

  /// One message for the core, which does its work and lets go of what the one before left.
  void take(Channel channel, Frames frames) {
    out_.outgoing.clear();
    out_.records.clear();
    core_.on_frames(channel, std::move(frames), now_, out_);
  }
  const Outbox& effects() const { return out_; }
  const Traffic& traffic() const { return traffic_; }

 private:
  static ControllerCore::Options options() {
    ControllerCore::Options options;
    options.hub.heart.period = std::chrono::seconds(3);
    return options;
  }
  static Frame ping_of(const Outbox& out) {
    for (const auto& item : out.outgoing) {
      const auto* frames = std::get_if<OutgoingFrames>(&item);
      if (frames != nullptr && frames->channel == Channel::kHeartPing) return frames->frames[0];
    }
    return {};
  }

  Traffic traffic_;
  ControllerCore core_;
  Now now_{};
  Outbox out_;
};

// The engine a task was sent to; empty when it was not.
std::string engine_of(const Outbox& out) {
  for (const auto& item : out.outgoing) {
    const auto* frames = std::get_if<OutgoingFrames>(&item);
    if (frames != nullptr && frames->channel == Channel::kTaskEngines) {
      return frames->frames.front().to_string();
    }
  }
  return {};
}

using Seconds = std::chrono::duration<double>;

// Only the core's own work is timed; making up the messages is not.
template <class Work>
double time_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

void RunTask(benchmark::State& state) {
  RunningCore core(static_cast<std::size_t>(state.range(0)));
  std::uint64_t number = 0;
  double submit = 0;
  double reply = 0;
  for (auto _ : state) {
    Frames request = core.traffic().request(number);
    const double submitting =
        time_of([&] { core.take(Channel::kTaskClients, std::move(request)); });
    const std::string engine = engine_of(core.effects());
    if (engine.empty()) return state.SkipWithError("the task was not given to an engine");
    Frames answer = core.traffic().reply(number++, engine);
    const double replying = time_of([&] { core.take(Channel::kTaskEngines, std::move(answer)); });
    submit += submitting;
    reply += replying;
    state.SetIterationTime(submitting + replying);
  }
  const auto ns = [&](double total) {
    return benchmark::Counter(total * 1e9 / static_cast<double>(number));
  };
  state.counters["submit_ns"] = ns(submit);
  state.counters["reply_ns"] = ns(reply);
}
BENCHMARK(RunTask)->Arg(4)->Arg(1000)->UseManualTime();

void RelayDirectTask(benchmark::State& state) {
  RunningCore core(4);
  const std::string engine = Traffic::engine(0);
  std::uint64_t number = 0;
  for (auto _ : state) {
    Frames request = core.traffic().request(number, engine);
    Frames answer = core.traffic().reply(number++, engine);
    state.SetIterationTime(time_of([&] {
      core.take(Channel::kMuxClients, std::move(request));
      core.take(Channel::kMuxEngines, std::move(answer));
    }));
  }
}
BENCHMARK(RelayDirectTask)->UseManualTime();

}  // namespace
}  // namespace trireme::bench
