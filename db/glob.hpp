// Shell patterns over text, for the query operator $glob.
#pragma once

#include <string_view>

namespace trireme {

/// Whether the whole text fits the pattern: `*` any run, `?` one character, `[a-z]` one of a set,
/// `[!a-z]` or `[^a-z]` one outside it; a `[` without its `]` is itself. Case matters. Both are
/// UTF-8; a byte that is not counts as one character. Time is at most the product of the lengths.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace trireme
