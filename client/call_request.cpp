#include "client/call_request.hpp"

#include <algorithm>
#include <utility>

#include <trireme/errors.hpp>

#include "client/request_text.hpp"
#include "session/message_type.hpp"
#include "session/python_call.hpp"

namespace trireme {
namespace {

constexpr std::string_view kPython = "python:";
constexpr std::string_view kMap = "trireme.map";

bool is_dotted_name(std::string_view text) {
  // Bytes of UTF-8 beyond ASCII may stand in names too.
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == ':' || static_cast<unsigned char>(c) >= 0x80;
  });
}

/// "module.name" and "module:name.of.it" are imported; everything else is looked up, or evaluated,
/// in the engine's name space.
PythonTarget python_target(std::string_view function) {
  const std::string_view text = function.substr(kPython.size());
  if (text.empty()) {
    throw TypeError("'python:' names no function; write python:module.function");
  }
  const bool is_imported =
      is_dotted_name(text) && text.find_first_of(".:") != std::string_view::npos;
  return {is_imported ? PythonTarget::Kind::kImportable : PythonTarget::Kind::kExpression,
          std::string(text)};
}

CallRequest python_request(Frames buffers) {
  return {std::string(wire_name(MessageType::kApplyRequest)), Frame(std::string("{}")),
          std::move(buffers)};
}

CallRequest expression_request(std::string_view expression, const Dict& kwargs) {
  return python_request(
      write_python_call({PythonTarget::Kind::kExpression, std::string(expression)}, {}, kwargs));
}

}  // namespace

CallRequest apply_request(std::string_view function, const List& args, const Dict& kwargs,
                          ResultForm form) {
  if (function.starts_with(kPython)) {
    return python_request(write_python_call(python_target(function), args, kwargs));
  }
  EncodedValue encoded = encode_call(function, args, kwargs, form);
  return {std::string(wire_name(MessageType::kApplyRequest)), Frame(std::move(encoded.json)),
          std::move(encoded.buffers)};
}

CallRequest map_request(std::string_view function, Value argument_lists) {
  if (function.starts_with(kPython)) {
    return python_request(write_python_map(python_target(function), argument_lists));
  }
  return apply_request(kMap, {function, std::move(argument_lists)}, {});
}

CallRequest execute_request(std::string_view code, bool silent) {
  return {std::string(wire_name(MessageType::kExecuteRequest)),
          Frame(execute_content_json(code, silent)),
          {},
          true};
}

CallRequest complete_request(std::string_view code, std::size_t cursor) {
  return {"complete_request", Frame(complete_content_json(code, cursor)), {}};
}

CallRequest push_request(const Dict& items) { return expression_request(kPythonPush, items); }
CallRequest pull_request(std::string_view name) { return python_request(write_python_pull(name)); }
CallRequest keys_request() { return expression_request(kPythonKeys, {}); }

}  // namespace trireme
