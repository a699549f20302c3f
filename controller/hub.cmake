# The hub and the traffic rooms around it: pure cores, tested without sockets.
trireme_alone(broadcast_tree.cpp)
trireme_library(hub
  SOURCES
    broadcast_tree.cpp
    direct_tasks.cpp
    engine_registry.cpp
    heart_monitor.cpp
    hub.cpp
    hub_queries.cpp
    hub_replies.cpp
    hub_requests.cpp
    json_fields.cpp
    question_lanes.cpp
    relay.cpp
    task_log.cpp
  USES trireme_session trireme_db
  PRIVATE_USES nlohmann_json::nlohmann_json simdjson::simdjson)
