# The thread that owns the task store.
#
# What the loop allocates is freed here and in ZeroMQ's thread, which costs glibc's heap locks and
# mimalloc's none. Sanitizers bring a heap of their own.
if(NOT TRIREME_SANITIZE)
  find_package(mimalloc QUIET)
endif()

trireme_library(record_keeper
  SOURCES
    heap.cpp
    record_backlog.cpp
    record_keeper.cpp
  USES trireme_session trireme_db)
if(mimalloc_FOUND)
  target_link_libraries(trireme_record_keeper PRIVATE mimalloc)
  target_compile_definitions(trireme_record_keeper PRIVATE TRIREME_HAS_MIMALLOC)
endif()
