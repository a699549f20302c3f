// What callers are told about an exception: its type as a name, its text, where it came from.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "engine/task_outcome.hpp"

namespace trireme {

/// The failure behind `error`. `place` says for people where it happened ("task 'x' on engine 3").
/// ename is that of a TaskError, else the exception's type without namespaces and template
/// arguments; nested exceptions are listed in the traceback.
TaskFailure describe_exception(std::exception_ptr error, std::string_view place);

/// A failure under a given name, with the same form of traceback.
TaskFailure make_failure(std::string ename, std::string evalue, std::string_view place);

/// `std::vector<int>` -> `vector`, `my::ParseError` -> `ParseError`, from a mangled name.
std::string short_type_name(const char* mangled);

}  // namespace trireme
