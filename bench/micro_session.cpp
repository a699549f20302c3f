// What signing, checking and parsing one message costs.
#include <benchmark/benchmark.h>

#include "bench/traffic.hpp"
#include "controller/scheduler/task_terms.hpp"

namespace trireme::bench {
namespace {

void Sign(benchmark::State& state) {
  const Signer signer = bench_signer();
  const Traffic traffic;
  const std::string header = traffic.request_header(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(signer.sign({header, "{}", Traffic::task_metadata(), "{}"}));
  }
}
BENCHMARK(Sign);

void VerifyRequest(benchmark::State& state) {
  const Wire wire = bench_wire();
  const Frames frames = Traffic().request(1);
  for (auto _ : state) benchmark::DoNotOptimize(wire.verify(frames));
}
BENCHMARK(VerifyRequest);

void ParseHeader(benchmark::State& state) {
  const std::string header = Traffic().request_header(1);
  for (auto _ : state) benchmark::DoNotOptimize(parse_header(header));
}
BENCHMARK(ParseHeader);

void DecodeRequest(benchmark::State& state) {
  Wire wire = bench_wire();
  const Frames frames = Traffic().request(1);
  for (auto _ : state) benchmark::DoNotOptimize(wire.decode(frames, Wire::Replays::kAllow));
}
BENCHMARK(DecodeRequest);

void DecodeReply(benchmark::State& state) {
  Wire wire = bench_wire();
  const Frames frames = Traffic().reply(1, Traffic::engine(1));
  for (auto _ : state) benchmark::DoNotOptimize(wire.decode(frames, Wire::Replays::kAllow));
}
BENCHMARK(DecodeReply);

void EncodeMessage(benchmark::State& state) {
  Wire wire = bench_wire();
  const Frames frames = Traffic().request(1);
  const Message message = *wire.decode(frames, Wire::Replays::kAllow);
  for (auto _ : state) benchmark::DoNotOptimize(wire.encode(message));
}
BENCHMARK(EncodeMessage);

void AdmitSignature(benchmark::State& state) {
  ReplayGuard guard;
  std::string signature(64, '0');
  std::uint64_t number = 0;
  for (auto _ : state) {
    for (std::size_t i = 0, rest = ++number; i < 16; ++i, rest >>= 4) {
      signature[i] = static_cast<char>('a' + (rest & 15));
    }
    benchmark::DoNotOptimize(guard.admit(signature));
  }
}
BENCHMARK(AdmitSignature);

void ParseTaskTerms(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_task_terms(Traffic::task_metadata()));
}
BENCHMARK(ParseTaskTerms);

void ParseReplyTerms(benchmark::State& state) {
  Wire wire = bench_wire();
  const Message reply = *wire.decode(Traffic().reply(1, Traffic::engine(1)), Wire::Replays::kAllow);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        parse_reply_terms(reply.metadata_json.view(), reply.content_json.view()));
  }
}
BENCHMARK(ParseReplyTerms);

}  // namespace
}  // namespace trireme::bench
