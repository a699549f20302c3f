// Two engines of Python's and two of ours under one controller, and what crosses the border between
// the languages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/system/client/cluster_processes.hpp"
#include "tests/system/client/tasks.hpp"

namespace trireme {
namespace {

constexpr std::chrono::seconds kLimit{120};
constexpr Task<std::vector<double>(std::vector<double>)> kPythonRoots{"python:numpy.sqrt"};

/// Values that both languages know, by the names they are pushed under.
Dict border_values() {
  std::vector<std::int32_t> squares;
  for (int i = 0; i < 1000; ++i) squares.push_back(i * i);
  List long_list;
  for (int i = 0; i < 200; ++i) long_list.emplace_back(i);
  return Dict{
      {"nothing", nullptr},
      {"truth", true},
      {"integer", std::int64_t{1} << 62},
      {"negative", std::int64_t{-1} << 63},
      {"real", 1e-300},
      {"endless", -HUGE_VAL},
      {"text", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
      {"empty_text", ""},
      {"bytes", Bytes(std::string("\x00\xff\x80", 3))},
      {"long_bytes", Bytes(std::string(3000, '\xff'))},
      {"array", Array::of(std::move(squares))},
      {"matrix", Array("<f8", {2, 3}, Bytes::adopt(std::vector<double>(6, 0.5)))},
      {"flags", Array("|b1", {3}, Bytes(std::string("\x01\x00\x01", 3)))},
      {"no_numbers", Array("<f4", {0, 4}, Bytes())},
      {"long_list", std::move(long_list)},
      {"nested", List{1, Dict{{"a", List{nullptr, true, Dict{}}}, {"\xc3\xa9", List{}}}}},
      {"deep", List{List{Array::of<int>({1, 2, 3})}, Dict{{"b", Bytes(std::string("x"))}}}}};
}

class MixedCluster : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<ClusterProcesses>(controllers().back());
    client_ = std::make_unique<Client>(cluster_->options());
    for (const Make make : {Make::kStock, Make::kTrireme}) {
      const std::vector<int> before = client_->ids();
      for (int i = 0; i < 2; ++i) cluster_->start_engine(make);
      ASSERT_TRUE(client_->wait_for_engines(before.size() + 2, ClusterProcesses::kStartLimit))
          << cluster_->logs();
    }
    const std::vector<int> ids = client_->ids();
    python_ = {ids[0], ids[1]};
    native_ = {ids[2], ids[3]};
  }
  static void TearDownTestSuite() {
    client_.reset();
    cluster_.reset();
  }
  void TearDown() override {
    if (HasFailure()) std::fputs(cluster_->logs().c_str(), stderr);
  }

  static Client& client() { return *client_; }
  static inline std::vector<int> python_;
  static inline std::vector<int> native_;

 private:
  static inline std::unique_ptr<ClusterProcesses> cluster_;
  static inline std::unique_ptr<Client> client_;
};

TEST_F(MixedCluster, OnePushReachesAllFourAndOnePullReadsThem) {
  const DirectView all = client().direct_view();
  const Dict items = border_values();
  all.push(items).get(kLimit);
  for (const auto& [name, value] : items) {
    EXPECT_EQ(all.pull(name).get(kLimit), std::vector<Value>(4, value)) << name;
  }
  for (const std::vector<std::string>& names : all.keys().get(kLimit)) {
    for (const auto& [name, value] : items) {
      EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
    }
  }
  all.clear().get(kLimit);
  EXPECT_THROW(all.pull("text").get(kLimit), CompositeError);
}

TEST_F(MixedCluster, BroadcastsReachAllFour) {
  for (const bool coalescing : {false, true}) {
    const BroadcastView all = client().broadcast_view({}, coalescing);
    const Value shared = List{Array::of<double>({1, 2}), coalescing};
    all.push({{"shared", shared}}).get(kLimit);
    EXPECT_EQ(all.pull("shared").get(kLimit), std::vector<Value>(4, shared));
  }
}

TEST_F(MixedCluster, OneArrayIsScatteredOverAllFourAndGathered) {
  const DirectView all = client().direct_view();
  std::vector<double> whole(1001);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<double>(i);
  all.scatter("part", whole).get(kLimit);
  EXPECT_EQ(all.gather<double>("part").get(kLimit), whole);
  EXPECT_EQ(client().direct_view(python_).pull<double>("float(part.sum())").get(kLimit).size(), 2u);
}

TEST_F(MixedCluster, FunctionsOfBothLanguagesWorkOnOneArray) {
  const std::vector<double> squares{0, 1, 4, 9};
  const auto roots = client().load_balanced_view(python_).apply(kPythonRoots, squares).get(kLimit);
  EXPECT_EQ(roots, (std::vector<double>{0, 1, 2, 3}));
  EXPECT_EQ(client().load_balanced_view(native_).apply(test_tasks::kSum, roots).get(kLimit), 6.0);
}

TEST_F(MixedCluster, EachLanguageTellsItsOwnErrors) {
  struct Case {
    int engine;
    const char* function;
    List args;
    const char* ename;
    const char* evalue;
  };
  const Case cases[] = {
      {python_[0], "python:math.sqrt", {-1}, "ValueError", "math domain error"},
      {native_[0], "test.fail", {"because"}, "invalid_argument", "because"},
      {python_[0], "test.fail", {"because"}, "AssertionError", "not enough buffers!"},
      {native_[0],
       "python:math.sqrt",
       {1},
       "NotImplementedError",
       "cannot run the Python object 'math.sqrt'"},
  };
  for (const Case& one : cases) {
    const auto result = client().engine(one.engine).apply(one.function, one.args);
    try {
      result.get(kLimit);
      FAIL() << one.function;
    } catch (const RemoteError& error) {
      EXPECT_EQ(error.ename(), one.ename);
      EXPECT_NE(error.evalue().find(one.evalue), std::string::npos) << error.evalue();
      EXPECT_EQ(error.engine_id(), one.engine);
      EXPECT_FALSE(error.traceback().empty()) << one.function;
    }
  }
  const auto missing = client().direct_view().pull("missing");
  try {
    missing.get(kLimit);
    FAIL();
  } catch (const CompositeError& error) {
    ASSERT_EQ(error.failures().size(), 4u);
    for (const RemoteFailure& failure : error.failures()) {
      EXPECT_EQ(failure.ename, "NameError");
      EXPECT_EQ(failure.evalue, "name 'missing' is not defined");
    }
  }
}

TEST_F(MixedCluster, WhatPythonHasAndNativeValuesLackIsAClearError) {
  const EngineView python = client().engine(python_[0]);
  EXPECT_EQ(python.pull("(1, {2})").get(kLimit), Value(List{1, List{2}}));
  for (const char* expression :
       {"2 ** 64", "{1: 2}", "1 + 2j", "__import__('datetime').date.max"}) {
    EXPECT_THROW(python.pull(expression).get(kLimit), FormatError) << expression;
  }
}

}  // namespace
}  // namespace trireme
