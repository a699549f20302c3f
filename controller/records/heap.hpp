// The heap of the controller's process.
#pragma once

namespace trireme {

/// Gives memory that the calling thread has no use for back to the system; costs milliseconds.
/// What other threads freed of it is found too. From any thread.
void give_heap_back();

}  // namespace trireme
