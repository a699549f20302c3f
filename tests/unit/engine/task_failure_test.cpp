// Callers learn an exception's own name and text, whatever was thrown.
#include "engine/task_failure.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include <trireme/errors.hpp>
#include <trireme/task_context.hpp>

namespace outer::inner {
struct ParseError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
template <class T>
struct Wrong : std::logic_error {
  using std::logic_error::logic_error;
};
struct Bare {};
}  // namespace outer::inner

namespace trireme {
namespace {

template <class Thrown>
TaskFailure failure_of(Thrown thrown) {
  return describe_exception(std::make_exception_ptr(std::move(thrown)), "a test");
}

TEST(TaskFailureTest, TheNameIsTheTypesWithoutItsNamespaces) {
  EXPECT_EQ(failure_of(std::out_of_range("far")).ename, "out_of_range");
  EXPECT_EQ(failure_of(std::bad_alloc()).ename, "bad_alloc");
  EXPECT_EQ(failure_of(TypeError("wrong")).ename, "TypeError");
  EXPECT_EQ(failure_of(outer::inner::ParseError("line 3")).ename, "ParseError");
  EXPECT_EQ(failure_of(outer::inner::Wrong<std::vector<int>>("x")).ename, "Wrong");
}

TEST(TaskFailureTest, TheTextIsTheExceptions) {
  const TaskFailure failure = failure_of(outer::inner::ParseError("line 3"));
  EXPECT_EQ(failure.evalue, "line 3");
  EXPECT_EQ(failure.traceback, (std::vector<std::string>{"In a test", "ParseError: line 3"}));
}

TEST(TaskFailureTest, ATaskErrorNamesItself) {
  const TaskFailure failure = failure_of(TaskError("KeyError", "'x'"));
  EXPECT_EQ(failure.ename, "KeyError");
  EXPECT_EQ(failure.evalue, "'x'");
  EXPECT_EQ(failure_of(UnmetDependency("no gpu")).ename, "UnmetDependency");
}

TEST(TaskFailureTest, WhatIsNoExceptionIsNamedByItsType) {
  EXPECT_EQ(failure_of(42).ename, "int");
  EXPECT_EQ(failure_of(outer::inner::Bare{}).ename, "Bare");
  EXPECT_EQ(failure_of(std::string("text")).evalue, "text");
  EXPECT_EQ(failure_of(static_cast<const char*>("text")).evalue, "text");
}

TEST(TaskFailureTest, NestedCausesAreListed) {
  try {
    try {
      throw std::out_of_range("inner");
    } catch (...) {
      std::throw_with_nested(outer::inner::ParseError("outer"));
    }
  } catch (...) {
    const TaskFailure failure = describe_exception(std::current_exception(), "a test");
    EXPECT_EQ(failure.ename, "ParseError");
    EXPECT_EQ(failure.evalue, "outer");
    EXPECT_EQ(failure.traceback.back(), "  caused by out_of_range: inner");
  }
}

}  // namespace
}  // namespace trireme
