// Magics, defaults, and runtimes made on demand.
#include "engine/cells/languages.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace trireme {
namespace {

struct Magic {
  std::string_view name;  // with both percent signs; empty: none
  std::string_view arguments;
  std::string_view code;
};

/// Takes `%%name arguments` off the front of a cell.
Magic split_magic(std::string_view cell) {
  const std::size_t begin = cell.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || !cell.substr(begin).starts_with("%%")) {
    return {{}, {}, cell};
  }
  const std::string_view from = cell.substr(begin);
  const std::size_t line_end = std::min(from.find('\n'), from.size());
  std::string_view line = from.substr(0, line_end);
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  const std::size_t name_end = std::min(line.find_first_of(" \t"), line.size());
  std::string_view arguments = line.substr(name_end);
  while (arguments.starts_with(' ') || arguments.starts_with('\t')) arguments.remove_prefix(1);
  return {line.substr(0, name_end), arguments, from.substr(std::min(line_end + 1, from.size()))};
}

constexpr std::string_view kCpp = "cpp";

}  // namespace

LanguageInfo known_language(std::string_view name) {
  if (name == "sh") return {"bash", "5", "text/x-sh", ".sh", "The shell"};
  return {"c++", "20", "text/x-c++src", ".cpp", "C++20"};
}

std::string default_language(const std::vector<RuntimeOffer>& offers, const std::string& wanted) {
  if (!wanted.empty()) return wanted == kNoLanguage ? std::string() : wanted;
  const bool has_cpp = std::any_of(offers.begin(), offers.end(), [](const RuntimeOffer& offer) {
    return offer.language == kCpp;
  });
  return has_cpp ? std::string(kCpp) : std::string();
}

std::string language_of_cell(const std::vector<RuntimeOffer>& offers, const std::string& wanted,
                             std::string_view cell) {
  if (wanted == kNoLanguage || cell.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return {};
  const Magic magic = split_magic(cell);
  const std::string language = default_language(offers, wanted);
  const auto found = std::find_if(offers.begin(), offers.end(), [&](const RuntimeOffer& offer) {
    return magic.name.empty() ? offer.language == language : offer.magic == magic.name;
  });
  return found == offers.end() ? std::string() : found->language;
}

Languages::Languages(std::vector<RuntimeOffer> offers, NameSpace& names, std::string wanted)
    : names_(names), wanted_(std::move(wanted)), default_(default_language(offers, wanted_)) {
  if (wanted_ == kNoLanguage) return;
  for (RuntimeOffer& offer : offers) slots_.emplace_back().offer = std::move(offer);
}

Languages::Slot* Languages::find(std::string_view language, std::string_view magic) {
  for (Slot& slot : slots_) {
    const bool fits = magic.empty() ? slot.offer.language == language : slot.offer.magic == magic;
    if (fits) return &slot;
  }
  return nullptr;
}

Error Languages::nothing_for(std::string_view magic) const {
  if (wanted_ == kNoLanguage) {
    return {ErrorCode::kNotFound,
            "This engine runs no cells: it was started with --language=none."};
  }
  std::string has;
  for (const Slot& slot : slots_) has += (has.empty() ? "" : ", ") + slot.offer.magic;
  const std::string others = has.empty() ? "." : "; cells may begin with: " + has + ".";
  if (!magic.empty()) {
    return {ErrorCode::kNotFound,
            "This engine knows no cells that begin with " + std::string(magic) + others};
  }
  if (!default_.empty() && default_ != kCpp) {
    return {ErrorCode::kNotFound, "This engine was started with --language=" + default_ +
                                      ", which its build does not have" + others};
  }
  return {
      ErrorCode::kNotFound,
      "This build of Trireme runs no C++ cells: build it with -DTRIREME_WITH_CLANG=ON" + others};
}

Result<Languages::Access> Languages::open(std::string_view cell, const EngineIdentity& who) {
  const Magic magic = split_magic(cell);
  Slot* slot = find(default_, magic.name);
  if (slot == nullptr) return nothing_for(magic.name);
  std::unique_lock lock(slot->mutex);
  if (auto made = make(*slot, who); !made) return made.error();
  return Access{std::move(lock), slot->runtime.get(), magic.code, std::string(magic.arguments)};
}

void Languages::prepare(std::string_view language, const EngineIdentity& who) {
  Slot* slot = find(language, {});
  if (slot == nullptr) return;
  const std::lock_guard lock(slot->mutex);
  static_cast<void>(make(*slot, who));
}

Result<void> Languages::make(Slot& slot, const EngineIdentity& who) {
  if (slot.failure) return *slot.failure;
  bool is_fresh = false;
  if (slot.runtime == nullptr) {
    auto made = slot.offer.create({names_, who.id.value(), who.uuid.str()});
    if (!made) {
      slot.failure = made.error();
      return made.error();
    }
    slot.runtime = std::move(*made);
    is_fresh = true;
  }
  if (slot.clear_waits.exchange(false)) {
    slot.runtime->clear();
    is_fresh = true;
  }
  if (!is_fresh) return {};
  if (const auto prepared = slot.runtime->prepare(); !prepared) {
    slot.failure = prepared.error();
    return prepared.error();
  }
  return {};
}

std::optional<Value> Languages::variable(std::string_view name) {
  for (Slot& slot : slots_) {
    const std::lock_guard lock(slot.mutex);
    if (slot.runtime == nullptr || slot.clear_waits) continue;
    if (auto found = slot.runtime->variable(name)) return found;
  }
  return std::nullopt;
}

std::vector<std::string> Languages::variable_names() {
  std::vector<std::string> names;
  for (Slot& slot : slots_) {
    const std::lock_guard lock(slot.mutex);
    if (slot.runtime == nullptr || slot.clear_waits) continue;
    for (std::string& name : slot.runtime->variable_names()) names.push_back(std::move(name));
  }
  return names;
}

Result<NativeFunction> Languages::function(std::string_view name) {
  for (Slot& slot : slots_) {
    const std::lock_guard lock(slot.mutex);
    if (slot.runtime == nullptr || slot.clear_waits) continue;
    auto found = slot.runtime->function(name);
    if (found || found.error().code != ErrorCode::kNotFound) return found;
  }
  return Error{ErrorCode::kNotFound, "No cell has defined a function '" + std::string(name) + "'."};
}

void Languages::clear() {
  for (Slot& slot : slots_) slot.clear_waits = true;
}

}  // namespace trireme
