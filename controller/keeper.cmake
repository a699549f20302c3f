# The thread that owns the task store.
trireme_library(record_keeper
  SOURCES
    record_backlog.cpp
    record_keeper.cpp
  USES trireme_session trireme_db)
