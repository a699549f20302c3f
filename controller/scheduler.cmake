# The pure cores of the load-balanced queue.
find_package(simdjson REQUIRED)

trireme_library(scheduler
  SOURCES
    dependency_graph.cpp
    engine_table.cpp
    outcome_cache.cpp
    placement.cpp
    ready_queues.cpp
    task.cpp
    task_dispatch.cpp
    task_scheduler.cpp
    task_scheduler_checks.cpp
    task_table.cpp
    task_terms.cpp
  USES trireme_session
  PRIVATE_USES simdjson::simdjson)
