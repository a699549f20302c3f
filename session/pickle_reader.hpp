// Reads Python's pickles without Python and without running anything.
//
// Protocols 2 to 5, the operations that plain data, numpy arrays and the calls of ipyparallel
// need (docs/protocol.md, "Calls of Python clients"). Globals become nodes that name them. What
// could make a reader fetch things from elsewhere (persistent ids, extension codes, buffers
// outside) is refused, and so is every operation not known.
#pragma once

#include "session/pickle_node.hpp"
#include "session/result.hpp"

namespace trireme {

/// Objects in one pickle. Time and memory are bounded by this and by the bytes of the frame.
inline constexpr std::size_t kPickleNodesMax = 8u << 20;

/// Reads `frame`, which holds one pickle (bytes after its end are ignored). Never throws and runs
/// in time and memory proportional to the size of the frame, whatever is in it. kBadFormat for
/// what is no pickle of this kind; kTooLarge beyond kPickleNodesMax.
Result<Pickle> read_pickle(Frame frame);

}  // namespace trireme
