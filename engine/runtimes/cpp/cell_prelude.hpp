// The text every C++ session begins with: the headers of cells (engine/runtimes/cell), embedded.
#pragma once

#include <string>

namespace trireme {

const std::string& cell_prelude();

}  // namespace trireme
