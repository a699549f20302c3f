// Every way ipcontroller's options are written, and what becomes of those nobody knows.
#include "controller/program/options.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "controller/program/traits.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;

class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "trireme-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (const char* name : kEnvironment) ::unsetenv(name);
    ::setenv("IPYTHONDIR", folder_.c_str(), 1);
  }
  void TearDown() override {
    fs::remove_all(folder_);
    for (const char* name : kEnvironment) ::unsetenv(name);
    ::unsetenv("IPYTHONDIR");
  }

  ControllerCommand parse(const std::vector<std::string>& arguments) {
    auto command = parse_controller_command(arguments);
    EXPECT_TRUE(command.has_value()) << (command ? "" : command.error().text);
    return command ? *command : ControllerCommand{};
  }
  void write_config(const char* name, const char* text) {
    fs::create_directories(folder_ / "profile_default");
    std::ofstream(folder_ / "profile_default" / name) << text;
  }

  static constexpr const char* kEnvironment[] = {"IPP_SESSION_KEY",     "IPP_ENABLE_CURVE",
                                                 "IPP_CURVE_SECRETKEY", "IPP_CURVE_PUBLICKEY",
                                                 "IPP_PROFILE_DIR",     "IPP_CLUSTER_ID"};
  fs::path folder_;
};

TEST_F(OptionsTest, TakesTheArgumentsOfEveryLauncher) {
  const ControllerCommand suite =
      parse({"--profile=iptest", "--log-level=10", "--ping=250", "--dictdb"});
  EXPECT_EQ(suite.options.profile.profile, "iptest");
  EXPECT_EQ(suite.options.log_level, 10);
  EXPECT_EQ(suite.options.heartbeat_period, std::chrono::milliseconds(250));
  EXPECT_EQ(suite.options.store, StoreKind::kMemory);
  EXPECT_TRUE(suite.warnings.empty());

  const ControllerCommand launcher =
      parse({"--profile-dir", "/p", "--cluster-id", "", "--log-level=10", "--ip=*"});
  EXPECT_EQ(launcher.options.profile.profile_dir, "/p");
  EXPECT_EQ(launcher.options.profile.cluster_id, "");
  EXPECT_EQ(launcher.options.engines.ip, "*");
  EXPECT_EQ(launcher.options.clients.ip, "*");
  EXPECT_TRUE(launcher.warnings.empty());
}

TEST_F(OptionsTest, DefaultsAreThoseOfTheDocumentation) {
  const ControllerOptions options = parse({}).options;
  EXPECT_EQ(options.store, StoreKind::kSqlite);
  EXPECT_EQ(options.engines.ip, "127.0.0.1");
  EXPECT_EQ(options.clients.ip, "127.0.0.1");
  EXPECT_EQ(options.scheme, "leastload");
  EXPECT_EQ(options.hwm, 1);
  EXPECT_EQ(options.registration_timeout_or_default(), std::chrono::seconds(30));
  EXPECT_FALSE(options.key.has_value());
}

struct GoodCase {
  const char* name;
  std::vector<std::string> arguments;
  bool (*holds)(const ControllerOptions&);
};

class GoodArguments : public OptionsTest, public testing::WithParamInterface<GoodCase> {};

TEST_P(GoodArguments, AreUnderstood) {
  const ControllerCommand command = parse(GetParam().arguments);
  EXPECT_TRUE(command.warnings.empty());
  EXPECT_TRUE(GetParam().holds(command.options));
}

using O = const ControllerOptions&;
INSTANTIATE_TEST_SUITE_P(
    Forms, GoodArguments,
    testing::Values(
        GoodCase{"TraitWithEquals",
                 {"--HeartMonitor.period=200"},
                 [](O o) { return o.heartbeat_period.count() == 200; }},
        GoodCase{"TraitWithSpace", {"--TaskScheduler.hwm", "0"}, [](O o) { return o.hwm == 0; }},
        GoodCase{"OldSpelling",
                 {"--HubFactory.engine_ip='0.0.0.0'"},
                 [](O o) { return o.engines.ip == "0.0.0.0" && o.clients.ip == "127.0.0.1"; }},
        GoodCase{"SchemeAlias", {"--scheme=lru"}, [](O o) { return o.scheme == "lru"; }},
        GoodCase{"NoDb", {"--nodb"}, [](O o) { return o.store == StoreKind::kNone; }},
        GoodCase{"DbClassPath",
                 {"--IPController.db_class=ipyparallel.controller.dictdb.DictDB"},
                 [](O o) { return o.store == StoreKind::kMemory; }},
        GoodCase{"PortRange",
                 {"--ports=101-103,110"},
                 [](O o) {
                   return o.shared_ports == std::deque<int>{101, 102, 103, 110};
                 }},
        GoodCase{"PortList",
                 {"--IPController.engine_ports=[5, 6]"},
                 [](O o) {
                   return o.engines.ports == std::deque<int>{5, 6};
                 }},
        GoodCase{"RegistrationPort",
                 {"--port=12345"},
                 [](O o) { return o.engines.ports == std::deque<int>{12345}; }},
        GoodCase{"LevelName", {"--log-level=WARNING"}, [](O o) { return o.log_level == 30; }},
        GoodCase{"Debug", {"--debug"}, [](O o) { return o.log_level == 10; }},
        GoodCase{"Unsigned", {"--no-secure"}, [](O o) { return o.key == std::string(); }},
        GoodCase{"Curve", {"--enable-curve"}, [](O o) { return o.curve; }},
        GoodCase{"CurveTrait", {"--IPController.enable_curve=True"}, [](O o) { return o.curve; }},
        GoodCase{"Reuse", {"--reuse"}, [](O o) { return o.reuse_files; }},
        GoodCase{"Restore", {"--restore"}, [](O o) { return o.restore_engines; }},
        GoodCase{"FlagWithValue", {"--log-to-file=True"}, [](O o) { return o.log_to_file; }},
        GoodCase{"FlagWithWord", {"--log-to-file", "False"}, [](O o) { return !o.log_to_file; }},
        GoodCase{"SecondsForRegistration",
                 {"--IPController.registration_timeout=1.5"},
                 [](O o) { return o.registration_timeout_or_default().count() == 1500; }}),
    [](const auto& c) { return c.param.name; });

struct BadCase {
  const char* name;
  std::vector<std::string> arguments;
  ErrorCode code;
  const char* said;
};

class BadArguments : public OptionsTest, public testing::WithParamInterface<BadCase> {};

TEST_P(BadArguments, AreRefusedNamingTheArgument) {
  const auto refused = parse_controller_command(GetParam().arguments);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, GetParam().code);
  EXPECT_NE(refused.error().text.find(GetParam().said), std::string::npos) << refused.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadArguments,
    testing::Values(
        BadCase{"UnknownFlag", {"--no-such-flag"}, ErrorCode::kUsage, "--no-such-flag"},
        BadCase{"MissingValue", {"--ip"}, ErrorCode::kUsage, "--ip"},
        BadCase{"BadNumber", {"--ping=soon"}, ErrorCode::kConfiguration, "--ping"},
        BadCase{"BadScheme", {"--scheme=bogus"}, ErrorCode::kConfiguration, "bogus"},
        BadCase{"NegativeHwm", {"--hwm=-1"}, ErrorCode::kConfiguration, "--hwm"},
        BadCase{"BadPort", {"--ports=70000"}, ErrorCode::kConfiguration, "--ports"},
        BadCase{"BackwardRange", {"--ports=20-10"}, ErrorCode::kConfiguration, "--ports"},
        BadCase{"Mongo", {"--mongodb"}, ErrorCode::kConfiguration, "SQLiteDB"},
        BadCase{"BadTransport", {"--transport=udp"}, ErrorCode::kConfiguration, "tcp or ipc"}),
    [](const auto& c) { return c.param.name; });

TEST_F(OptionsTest, UnknownTraitsAndValuesOnlyWarn) {
  const ControllerCommand command = parse(
      {"--Nobody.knows=5", "--whatever=x", "--IPController.nothing", "1", "word", "--", "--x"});
  EXPECT_EQ(command.warnings.size(), 5U);
}

TEST_F(OptionsTest, HelpAndVersionNeedNothingElse) {
  EXPECT_EQ(parse({"--version"}).action, ControllerCommand::Action::kVersion);
  EXPECT_EQ(parse({"-h"}).action, ControllerCommand::Action::kHelp);
  EXPECT_EQ(parse({"--help-all"}).action, ControllerCommand::Action::kHelpAll);
  EXPECT_NE(controller_help(true).find("HeartMonitor.period"), std::string::npos);
}

TEST_F(OptionsTest, ConfigurationFilesAreReadAndArgumentsWin) {
  write_config("ipcontroller_config.py",
               "# comment\n"
               "c = get_config()\n"
               "c.HeartMonitor.period = 200  # milliseconds\n"
               "c.IPController.ip = '10.0.0.1'\n"
               "c.TaskScheduler.hwm = 7\n"
               "c.Nobody.knows = 1\n"
               "import os\n"
               "c.IPController.location = os.environ['HOST']\n");
  write_config("ipcontroller_config.json", R"({"TaskScheduler": {"hwm": 3}, "version": 1})");
  const ControllerCommand command = parse({"--ip=127.0.0.2"});
  EXPECT_EQ(command.options.heartbeat_period, std::chrono::milliseconds(200));
  EXPECT_EQ(command.options.engines.ip, "127.0.0.2");
  EXPECT_EQ(command.options.hwm, 3);
  ASSERT_EQ(command.warnings.size(), 3U);
  EXPECT_NE(command.warnings[0].find("ipcontroller_config.py:6"), std::string::npos);
  EXPECT_NE(command.warnings[1].find("import os"), std::string::npos);
}

TEST_F(OptionsTest, ABadValueInAFileIsNamedWithItsLine) {
  write_config("ipcontroller_config.py", "\nc.HeartMonitor.period = 'often'\n");
  const auto refused = parse_controller_command({});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("ipcontroller_config.py:2"), std::string::npos);
  EXPECT_NE(refused.error().text.find("HeartMonitor.period"), std::string::npos);
}

TEST_F(OptionsTest, DamagedJsonIsNamed) {
  write_config("ipcontroller_config.json", "{");
  const auto refused = parse_controller_command({});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("ipcontroller_config.json"), std::string::npos);
}

TEST_F(OptionsTest, TheEnvironmentGivesKeysAndArgumentsWinOverIt) {
  ::setenv("IPP_SESSION_KEY", "from-environment", 1);
  ::setenv("IPP_ENABLE_CURVE", "1", 1);
  EXPECT_EQ(parse({}).options.key, "from-environment");
  EXPECT_TRUE(parse({}).options.curve);
  EXPECT_EQ(parse({"--Session.key=given"}).options.key, "given");
  EXPECT_FALSE(parse({"--IPController.enable_curve=False"}).options.curve);
}

TEST(PythonLiteralTest, ReadsScalarsAndListsAndNothingElse) {
  EXPECT_EQ(parse_python_literal("'a\\'b'")->items.front(), "a'b");
  EXPECT_EQ(parse_python_literal("b\"key\"")->items.front(), "key");
  EXPECT_EQ(parse_python_literal("1_000")->items.front(), "1000");
  EXPECT_TRUE(parse_python_literal("None")->is_none);
  EXPECT_EQ(parse_python_literal("(1, 'x', )")->items, (std::vector<std::string>{"1", "x"}));
  EXPECT_TRUE(parse_python_literal("[]")->items.empty());
  for (const char* text : {"", "os.getcwd()", "[1", "'open", "1 + 1", "lambda: 0", "{1: 2}"}) {
    EXPECT_FALSE(parse_python_literal(text).has_value()) << text;
  }
}

TEST(TraitsTest, EveryTraitIsFoundByItsName) {
  for (const Trait& trait : controller_traits()) {
    EXPECT_EQ(find_trait(trait.name), &trait) << trait.name;
  }
  EXPECT_EQ(find_trait("IPController.nonsense"), nullptr);
  EXPECT_EQ(find_trait("nonsense"), nullptr);
}

}  // namespace
}  // namespace trireme
