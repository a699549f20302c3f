#include "controller/recovery/catch_up.hpp"

namespace trireme {

void CatchUp::begin(Channel channel, const EngineUuid& engine, MsgId fence,
                    std::vector<MsgId> repeated) {
  fences_.insert_or_assign({engine, channel}, Fence{std::move(fence), std::move(repeated)});
}

std::optional<std::vector<MsgId>> CatchUp::on_answer(Channel channel, const EngineUuid& engine,
                                                     const MsgId& fence) {
  const auto found = fences_.find({engine, channel});
  if (found == fences_.end() || found->second.id != fence) return std::nullopt;
  std::vector<MsgId> repeated = std::move(found->second.repeated);
  fences_.erase(found);
  return repeated;
}

void CatchUp::forget(const EngineUuid& engine) {
  std::erase_if(fences_, [&engine](const auto& entry) { return entry.first.first == engine; });
}

}  // namespace trireme
