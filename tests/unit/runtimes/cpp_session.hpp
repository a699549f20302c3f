// A C++ runtime with everything around it, and the questions tests ask it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/runtimes/cpp_offer.hpp"
#include "tests/unit/runtimes/recording_sink.hpp"

namespace trireme {

/// What file descriptor 1 gets while it lives.
class CapturedOutput {
 public:
  CapturedOutput() : file_(std::tmpfile()), before_(dup(1)) { dup2(fileno(file_), 1); }
  ~CapturedOutput() {
    dup2(before_, 1);
    close(before_);
    std::fclose(file_);
  }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;
  std::string text() const {
    std::string text(static_cast<std::size_t>(lseek(fileno(file_), 0, SEEK_END)), '\0');
    const auto count = pread(fileno(file_), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

 private:
  std::FILE* file_;
  int before_;
};

/// Called functions run for this.
class PlainContext final : public TaskContext {
 public:
  explicit PlainContext(NameSpace& names) : names_(names) {}
  std::stop_token stop_token() const override { return {}; }
  int engine_id() const override { return 5; }
  std::string engine_uuid() const override { return "uuid"; }
  std::string msg_id() const override { return "msg"; }
  NameSpace& name_space() override { return names_; }
  void write_out(std::string_view) override {}
  void write_err(std::string_view) override {}
  void display(const Dict&) override {}

 private:
  NameSpace& names_;
};

/// The session of one test.
struct CppCells : ::testing::Test {
  CppCells() {
    setenv("TRIREME_CPP_RUNTIME", TRIREME_LIB_DIR "/libtrireme_cpp_runtime.so", 1);
    auto made = create_cpp_runtime(RuntimeParts{names, 5, "uuid"});
    EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().text);
    if (made) cpp = std::move(*made);
    const auto ready = cpp->prepare();
    EXPECT_TRUE(ready.has_value()) << (ready ? "" : ready.error().text);
  }

  CellOutcome run(std::string_view code) {
    CellOptions options;
    options.stop = stop.get_token();
    options.execution_count = ++count;
    return cpp->execute(code, options, sink);
  }
  /// What the cell shows: text/plain of its value, "" without one, "!ename: evalue" for a failure.
  std::string shown(std::string_view code) {
    last = run(code);
    if (const auto* failed = std::get_if<TaskFailure>(&last)) {
      return "!" + failed->ename + ": " + failed->evalue;
    }
    const auto& value = std::get<CellSuccess>(last).value;
    if (!value) return "";
    const auto text = value->data.find("text/plain");
    return text == value->data.end() ? "(no text)" : text->second.as_string();
  }
  std::string traceback() const {
    std::string lines;
    for (const std::string& line : std::get<TaskFailure>(last).traceback) lines += line + "\n";
    return lines;
  }
  /// The result of a call, as text, or "!type: what".
  std::string called(std::string_view name, List args) {
    auto function = cpp->function(name);
    if (!function) return "!" + function.error().text;
    PlainContext context(names);
    Call call{context, name, std::move(args), {}};
    try {
      return (*function)(call).to_string();
    } catch (const TypeError& error) {
      return std::string("!TypeError: ") + error.what();
    } catch (const std::exception& error) {
      return std::string("!") + error.what();
    }
  }

  PlainNameSpace names;
  RecordingSink sink;
  std::stop_source stop;
  std::unique_ptr<Runtime> cpp;
  CellOutcome last;
  int count = 0;
};

}  // namespace trireme
