// What can be asked of a node.
#include "session/pickle_node.hpp"

namespace trireme {

std::string PickleNode::global_name() const {
  const PickleNode* global = this;
  if (is(Kind::kObject)) global = items[kCallable];
  if (!global->is(Kind::kGlobal)) return {};
  std::string name(global->items[0]->text);
  name += '.';
  name += global->items[1]->text;
  return name;
}

const PickleNode* PickleNode::find(std::string_view key) const noexcept {
  if (!is(Kind::kDict)) return nullptr;
  for (std::size_t i = items.size(); i >= 2; i -= 2) {  // the last one counts
    if (items[i - 2]->is(Kind::kString) && items[i - 2]->text == key) return items[i - 1];
  }
  return nullptr;
}

const PickleNode* PickleNode::part(ObjectPart part, Kind wanted) const noexcept {
  if (!is(Kind::kObject)) return nullptr;
  const PickleNode* found = items[part];
  return found != nullptr && found->is(wanted) ? found : nullptr;
}

}  // namespace trireme
