// Words of ipengine's style become options; what is not understood warns or is refused.
#include "engine/options.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme {
namespace {

using std::chrono::milliseconds;
using Words = std::vector<std::string>;

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

EngineCommandLine parse(Words words, std::map<std::string, std::string> variables = {}) {
  auto parsed = parse_engine_options(std::move(words), environment_of(std::move(variables)));
  EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().text);
  return parsed ? *parsed : EngineCommandLine{};
}

TEST(EngineOptionsTest, DefaultsAreThoseOfIpengine) {
  const EngineOptions options = parse({}).options;
  EXPECT_EQ(options.threads, 1u);
  EXPECT_EQ(options.timeout, milliseconds(5'000));
  EXPECT_EQ(options.wait_for_file, milliseconds(10'000));
  EXPECT_EQ(options.heartbeat_misses_max, 50);
  EXPECT_EQ(options.log_level, 20);
  EXPECT_FALSE(options.id.has_value());
  EXPECT_FALSE(options.log_to_file);
}

TEST(EngineOptionsTest, EachOptionIsSetByItsNameInBothForms) {
  struct Case {
    Words words;
    std::function<bool(const EngineOptions&)> holds;
  };
  using O = const EngineOptions&;
  const Case cases[] = {
      {{"--profile=x"}, [](O o) { return o.profile.profile == "x"; }},
      {{"--profile", "x"}, [](O o) { return o.profile.profile == "x"; }},
      {{"--profile-dir=/d"}, [](O o) { return o.profile.profile_dir == "/d"; }},
      {{"--ipython-dir=/d"}, [](O o) { return o.profile.ipython_dir == "/d"; }},
      {{"--cluster-id", ""}, [](O o) { return o.profile.cluster_id == ""; }},
      {{"--cluster-id=c"}, [](O o) { return o.profile.cluster_id == "c"; }},
      {{"--file=/f"}, [](O o) { return o.connection_file == "/f"; }},
      {{"--IPEngine.url_file=/f"}, [](O o) { return o.connection_file == "/f"; }},
      {{"--load=a.so", "--load", "b.so"}, [](O o) { return o.plugins.size() == 2; }},
      {{"--threads=4"}, [](O o) { return o.threads == 4; }},
      {{"--id=3"}, [](O o) { return o.id == 3; }},
      {{"--IPEngine.id=3"}, [](O o) { return o.id == 3; }},
      {{"--IPEngine.id", "None"}, [](O o) { return !o.id; }},
      {{"--timeout=2.5"}, [](O o) { return o.timeout == milliseconds(2'500); }},
      {{"--wait-for-file=1"}, [](O o) { return o.wait_for_file == milliseconds(1'000); }},
      {{"--stop-grace=0.5"}, [](O o) { return o.stop_grace == milliseconds(500); }},
      {{"--max-heartbeat-misses=0"}, [](O o) { return o.heartbeat_misses_max == 0; }},
      {{"--location=h"}, [](O o) { return o.location == "h"; }},
      {{"--ident=u"}, [](O o) { return o.uuid == "u"; }},
      {{"--log-level=debug"}, [](O o) { return o.log_level == 10; }},
      {{"--log-level=35"}, [](O o) { return o.log_level == 35; }},
      {{"--log-to-file"}, [](O o) { return o.log_to_file; }},
      {{"--log-to-file=False"}, [](O o) { return !o.log_to_file; }},
      {{"--work-dir=/w"}, [](O o) { return o.work_folder == "/w"; }},
      {{"--capture-output=false"}, [](O o) { return !o.capture_output; }},
      {{"--IPEngine.enable_nanny=False"}, [](O o) { return !o.nanny; }},
      {{"--debug"}, [](O o) { return o.log_level == 10; }},
      {{"--quiet"}, [](O o) { return o.log_level == 50; }},
  };
  for (const Case& each : cases) {
    const EngineCommandLine line = parse(each.words);
    EXPECT_TRUE(each.holds(line.options)) << each.words.front();
    EXPECT_TRUE(line.warnings.empty()) << each.words.front();
  }
}

TEST(EngineOptionsTest, WhatOnlyPythonEnginesKnowWarns) {
  const Words cases[] = {
      {"--InteractiveShell.colors=nocolor"},
      {"--InteractiveShell.colors", "nocolor"},
      {"--made-up=5"},
      {"-c", "print(1)"},
      {"--ssh=host"},
      {"--init"},
      {"stray"},
  };
  for (const Words& words : cases) {
    Words all = words;
    all.push_back("--threads=2");
    const EngineCommandLine line = parse(all);
    EXPECT_EQ(line.warnings.size(), 1u) << words.front();
    EXPECT_EQ(line.options.threads, 2u) << words.front();
  }
}

TEST(EngineOptionsTest, WordsAfterTwoDashesAreNotOurs) {
  EXPECT_EQ(parse({"--threads=2", "--", "--threads=3"}).options.threads, 2u);
}

TEST(EngineOptionsTest, WrongUsageIsRefusedByName) {
  struct Case {
    Words words;
    const char* told;
  };
  const Case cases[] = {
      {{"--bogus"}, "'--bogus'"},
      {{"-z"}, "'-z'"},
      {{"--threads"}, "needs a value"},
      {{"--threads=0"}, "'0'"},
      {{"--threads=5000"}, "'5000'"},
      {{"--threads=two"}, "'two'"},
      {{"--timeout=-1"}, "'-1'"},
      {{"--timeout=nan"}, "'nan'"},
      {{"--id=-3"}, "'-3'"},
      {{"--log-level=LOUD"}, "'LOUD'"},
      {{"--log-to-file=maybe"}, "'maybe'"},
  };
  for (const Case& each : cases) {
    const auto parsed = parse_engine_options(each.words, environment_of({}));
    ASSERT_FALSE(parsed.has_value()) << each.words.front();
    EXPECT_EQ(parsed.error().code, ErrorCode::kUsage);
    EXPECT_NE(parsed.error().text.find(each.told), std::string::npos) << parsed.error().text;
  }
}

TEST(EngineOptionsTest, TheEnvironmentIsRead) {
  const EngineOptions options =
      parse({},
            {{"IPP_CONNECTION_INFO", "{}"}, {"IPP_SESSION_KEY", "k"}, {"IPP_CURVE_SERVERKEY", "s"}})
          .options;
  EXPECT_EQ(options.connection_text, "{}");
  EXPECT_EQ(options.session_key, "k");
  EXPECT_EQ(options.curve_server_key, "s");
}

TEST(EngineOptionsTest, TheMpiRankIsTheWantedId) {
  EXPECT_EQ(parse({"--mpi"}, {{"OMPI_COMM_WORLD_RANK", "5"}}).options.id, 5);
  EXPECT_EQ(parse({"--mpi"}, {{"SLURM_PROCID", "6"}}).options.id, 6);
  const EngineCommandLine without = parse({"--mpi"});
  EXPECT_FALSE(without.options.id.has_value());
  EXPECT_EQ(without.warnings.size(), 1u);
}

TEST(EngineOptionsTest, HelpAndVersionAreTexts) {
  EXPECT_NE(parse({"--help"}).print_text->find("--max-heartbeat-misses"), std::string::npos);
  EXPECT_FALSE(parse({"--version"}).print_text->empty());
}

}  // namespace
}  // namespace trireme
