// A good plug-in brings its functions; each bad one is refused with a sentence that names it.
#include "engine/plugin_loader.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/function_executor.hpp"
#include "session/value_codec.hpp"
#include "tests/unit/engine/test_context.hpp"

namespace trireme {
namespace {

std::filesystem::path plugin(const std::string& name) {
  return std::filesystem::path(TRIREME_LIB_DIR) / ("lib" + name + ".so");
}

TEST(PluginLoaderTest, AGoodPluginBringsItsFunctions) {
  auto table = std::make_shared<FunctionTable>();
  ASSERT_TRUE(load_plugin(plugin("good_plugin"), *table).has_value());
  ASSERT_NE(table->find("test.norm"), nullptr);
  EXPECT_EQ(table->find("test.norm")->source, "plug-in libgood_plugin.so");
  TestContext context;
  Call call{context, "test.norm", {Array::of(std::vector<double>{3, 4})}, {}};
  EXPECT_EQ(table->find("test.norm")->function(call), Value(5.0));
}

TEST(PluginLoaderTest, ExceptionsOfAPluginKeepTheirNames) {
  auto table = std::make_shared<FunctionTable>();
  ASSERT_TRUE(load_plugin(plugin("good_plugin"), *table).has_value());
  FunctionExecutor executor(table);
  TestContext context;
  struct Case {
    const char* function;
    List args;
    const char* ename;
    const char* evalue;
  };
  const Case cases[] = {{"test.fail", {"oh"}, "BadInput", "oh"},
                        {"test.task_error", {}, "MyName", "my text"}};
  for (const Case& each : cases) {
    TaskRequest request;
    request.message.content_json = Frame(encode_call(each.function, each.args, {}).json);
    const TaskOutcome outcome = executor.run(request, context);
    EXPECT_EQ(std::get<TaskFailure>(outcome).ename, each.ename);
    EXPECT_EQ(std::get<TaskFailure>(outcome).evalue, each.evalue);
  }
}

TEST(PluginLoaderTest, BadPluginsAreRefusedInOneSentence) {
  const auto garbage = std::filesystem::temp_directory_path() /
                       ("trireme_garbage_" + std::to_string(getpid()) + ".so");
  std::ofstream(garbage) << "this is no library";
  struct Case {
    std::filesystem::path file;
    const char* told;
  };
  const Case cases[] = {
      {"/nonexistent/libnothing.so", "No such file"},
      {garbage, "file too short"},
      {plugin("foreign_library"), "TRIREME_PLUGIN"},
      {plugin("old_plugin"), "version 2 of the plug-in interface"},
      {plugin("strange_plugin"), "another compiler"},
      {plugin("throwing_plugin"), "the licence server is down"},
  };
  for (const Case& each : cases) {
    FunctionTable table;
    const auto loaded = load_plugin(each.file, table);
    ASSERT_FALSE(loaded.has_value()) << each.file;
    EXPECT_EQ(loaded.error().code, ErrorCode::kConfiguration);
    EXPECT_NE(loaded.error().text.find(each.file.string()), std::string::npos);
    EXPECT_NE(loaded.error().text.find(each.told), std::string::npos) << loaded.error().text;
    EXPECT_EQ(loaded.error().text.find('\n'), std::string::npos);
  }
  std::filesystem::remove(garbage);
}

TEST(PluginLoaderTest, APluginIsRefusedWhenItsNamesAreTaken) {
  FunctionTable table;
  table.add("test.norm", [] {});
  const auto loaded = load_plugin(plugin("good_plugin"), table);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_NE(loaded.error().text.find("'test.norm' is already taken by built-in"),
            std::string::npos);
}

}  // namespace
}  // namespace trireme
