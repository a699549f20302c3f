// Exceptions as error contents.
#include "engine/task_failure.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <utility>
#include <vector>

#include <trireme/errors.hpp>
#include <trireme/task_context.hpp>

namespace trireme {
namespace {

struct NameAndText {
  std::string ename;
  std::string evalue;
};

NameAndText name_and_text(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const TaskError& thrown) {
    return {thrown.ename(), thrown.evalue()};
  } catch (const RemoteError& thrown) {  // a task that called other tasks
    return {thrown.ename(), thrown.evalue()};
  } catch (const std::exception& thrown) {
    return {short_type_name(typeid(thrown).name()), thrown.what()};
  } catch (const std::string& thrown) {
    return {"string", thrown};
  } catch (const char* thrown) {
    return {"string", thrown};
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    const std::string name = type == nullptr ? "unknown" : short_type_name(type->name());
    return {name, "an exception of type " + name + " was thrown"};
  }
}

/// The exception inside another one, or null.
std::exception_ptr cause_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::nested_exception& nested) {
    return nested.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

std::string line_of(const NameAndText& failure) {
  return failure.evalue.empty() ? failure.ename : failure.ename + ": " + failure.evalue;
}

}  // namespace

std::string short_type_name(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  std::string name = status == 0 && demangled ? demangled.get() : mangled;
  // An exception thrown with std::throw_with_nested has a type of the library around its own.
  constexpr std::string_view kNested = "std::_Nested_exception<";
  if (name.starts_with(kNested)) name = name.substr(kNested.size());
  name = name.substr(0, name.find_first_of("<>"));
  const auto colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

TaskFailure make_failure(std::string ename, std::string evalue, std::string_view place) {
  const std::string last = line_of({ename, evalue});
  return TaskFailure{std::move(ename), std::move(evalue), {"In " + std::string(place), last}};
}

TaskFailure describe_exception(std::exception_ptr error, std::string_view place) {
  constexpr int kDepthMax = 16;
  NameAndText outer = name_and_text(error);
  std::vector<std::string> lines{"In " + std::string(place), line_of(outer)};
  std::exception_ptr cause = cause_of(error);
  for (int depth = 0; cause != nullptr && depth < kDepthMax; ++depth) {
    lines.push_back("  caused by " + line_of(name_and_text(cause)));
    cause = cause_of(cause);
  }
  return TaskFailure{std::move(outer.ename), std::move(outer.evalue), std::move(lines)};
}

}  // namespace trireme
