#include "controller/records/heap.hpp"

#ifdef TRIREME_HAS_MIMALLOC
#include <mimalloc.h>
#else
#include <malloc.h>
#endif

namespace trireme {

void give_heap_back() {
#ifdef TRIREME_HAS_MIMALLOC
  ::mi_collect(true);
#else
  ::malloc_trim(0);
#endif
}

}  // namespace trireme
