#include "session/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace trireme {

void check_failed(const char* file, int line, const char* condition, const std::string& note) {
  std::fprintf(stderr, "trireme: internal error at %s:%d: %s is false: %s\n", file, line, condition,
               note.c_str());
  std::abort();
}

}  // namespace trireme
