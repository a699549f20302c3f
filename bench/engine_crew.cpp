#include "bench/engine_crew.hpp"

#include <algorithm>

namespace trireme::bench {
namespace {

// How long an engine that left still answers the tasks it has.
constexpr std::chrono::seconds kFarewell{2};

}  // namespace

EngineCrew::EngineCrew(NetContext& context, PollLoop& loop, const LoadOptions& options,
                       EngineConnection connection, Signer signer)
    : options_(options),
      setup_{context,
             loop,
             std::move(connection),
             std::move(signer),
             PayloadPool(options.reply_bytes, options.distinct),
             options.all_channels},
      on_reply_([this](NullEngine& engine, Frames reply) { on_reply(engine, std::move(reply)); }),
      held_(loop, [](NullEngine& engine, Frames reply) { engine.send(std::move(reply)); }) {}

Result<void> EngineCrew::start(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Result<std::unique_ptr<NullEngine>> engine = NullEngine::start(setup_, on_reply_);
    if (!engine) return engine.error();
    engines_.push_back(*std::move(engine));
  }
  return {};
}

void EngineCrew::on_reply(NullEngine& engine, Frames reply) {
  if (!gate_is_open_) {
    gated_.emplace_back(&engine, std::move(reply));
  } else if (options_.hold.count() == 0) {
    engine.send(std::move(reply));
  } else {
    const Instant start = std::max(std::chrono::steady_clock::now(), engine.busy_until);
    engine.busy_until = start + options_.hold;
    held_.hold(engine, std::move(reply), engine.busy_until);
  }
}

void EngineCrew::open_gate() {
  gate_is_open_ = true;
  for (auto& [engine, reply] : std::exchange(gated_, {})) on_reply(*engine, std::move(reply));
}

Result<void> EngineCrew::replace_one(Instant now) {
  if (engines_.empty()) return {};
  engines_.front()->leave();
  departed_.push_back({now, std::move(engines_.front())});
  engines_.pop_front();
  return start(1);
}

void EngineCrew::leave() {
  for (const auto& engine : engines_) engine->leave();
}

void EngineCrew::bury(Instant now) {
  while (!departed_.empty() && departed_.front().when + kFarewell < now) {
    NullEngine* engine = departed_.front().engine.get();
    held_.drop(*engine);
    std::erase_if(gated_, [&](const auto& waiting) { return waiting.first == engine; });
    departed_.pop_front();
  }
}

}  // namespace trireme::bench
