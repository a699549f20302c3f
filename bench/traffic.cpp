#include "bench/traffic.hpp"

#include <utility>

namespace trireme::bench {
namespace {

constexpr std::string_view kDate = "2026-11-22T01:38:22.619123Z";
constexpr std::string_view kClient{"\0\x12\x34\x56\x78", 5};

}  // namespace

Signer bench_signer() { return *Signer::create(std::string(kBenchKey)); }

Wire bench_wire() { return Wire(bench_signer(), Packer()); }

Traffic::Traffic()
    : signer_(bench_signer()),
      request_header_(SessionId("0a1b2c3d-00112233445566778899aabb"), "apply_request"),
      reply_header_(SessionId("9f8e7d6c-ffeeddccbbaa998877665544"), "apply_reply") {}

std::string Traffic::engine(std::uint64_t number) {
  std::string digits = std::to_string(number);
  return "e0000000-" + std::string(24 - digits.size(), '0') + digits;
}

std::string_view Traffic::task_metadata() {
  return R"({"after": [], "follow": [], "timeout": null, "targets": [], "retries": 0})";
}

std::string Traffic::request_header(std::uint64_t number) const {
  return request_header_.make(number, kDate);
}

Frames Traffic::request(std::uint64_t number, std::string_view target) const {
  Frames identities{Frame::copy_of(kClient)};
  if (!target.empty()) identities.push_back(Frame::copy_of(target));
  return sign(std::move(identities), request_header(number), {},
              target.empty() ? std::string(task_metadata()) : "{}", "{}", 256);
}

Frames Traffic::reply(std::uint64_t number, std::string_view engine) const {
  std::string metadata = R"({"started": ")" + std::string(kDate) +
                         R"(", "dependencies_met": true, "engine": ")" + std::string(engine) +
                         R"(", "is_broadcast": false, "is_coalescing": false, )"
                         R"("original_msg_id": "", "label": null, "status": "ok"})";
  return sign({Frame::copy_of(engine), Frame::copy_of(kClient)}, reply_header_.make(number, kDate),
              Frame(request_header(number)), std::move(metadata), R"({"status": "ok"})", 32);
}

Frames Traffic::registration(std::string_view engine) const {
  const HeaderStencil header(SessionId{engine}, "registration_request");
  return sign({Frame::copy_of(engine)}, header.make(0, kDate), {}, "{}",
              R"({"uuid": ")" + std::string(engine) + "\"}", 0);
}

Frames Traffic::sign(Frames identities, std::string header, Frame parent, std::string metadata,
                     std::string content, std::size_t buffer_bytes) const {
  if (parent.empty()) parent = Frame::copy_of("{}");
  const std::string signature = signer_.sign({header, parent.view(), metadata, content});
  Frames frames = std::move(identities);
  frames.push_back(Frame::copy_of(kDelimiter));
  frames.push_back(Frame::copy_of(signature));
  frames.emplace_back(std::move(header));
  frames.push_back(std::move(parent));
  frames.emplace_back(std::move(metadata));
  frames.emplace_back(std::move(content));
  if (buffer_bytes > 0) frames.emplace_back(std::string(buffer_bytes, 'x'));
  return frames;
}

}  // namespace trireme::bench
