// A task context for tests of functions: collects what they show, stops when told.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include <trireme/task_context.hpp>

#include "engine/name_space.hpp"

namespace trireme {

class TestContext final : public TaskContext {
 public:
  std::stop_token stop_token() const override { return stop.get_token(); }
  int engine_id() const override { return 7; }
  std::string engine_uuid() const override { return "uuid-7"; }
  std::string msg_id() const override { return "msg-1"; }
  NameSpace& name_space() override { return names; }
  void write_out(std::string_view text) override { out += text; }
  void write_err(std::string_view text) override { err += text; }
  void display(const Dict&) override { ++displays; }

  std::stop_source stop;
  EngineNameSpace names;
  std::string out;
  std::string err;
  int displays = 0;
};

}  // namespace trireme
