// The values ipcontroller calls traits: one table from `Class.name` to the option it sets.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/program/options.hpp"
#include "session/result.hpp"

namespace trireme {

/// Where a value was written decides how it is read: arguments are bare text, files have literals.
struct TraitValue {
  std::vector<std::string> items;  // one for a scalar, any number for a list
  bool is_list = false;
  bool is_none = false;
};

/// One configurable value.
struct Trait {
  std::string_view name;  // Class.trait
  std::string_view help;
  Result<void> (*set)(ControllerOptions& options, const TraitValue& value);
};

/// All of them, in the order help lists them.
std::span<const Trait> controller_traits();

/// The trait of this name, deprecated spellings (HubFactory.X, IPControllerApp.X) included; null
/// when there is none.
const Trait* find_trait(std::string_view name);

/// A value as typed on a command line: bare text, a Python list or tuple of literals, or a quoted
/// literal.
TraitValue parse_argument_value(std::string_view text);
/// A value as a Python literal (string, number, True, False, None, list or tuple of these);
/// kConfiguration for anything else.
Result<TraitValue> parse_python_literal(std::string_view text);

}  // namespace trireme
