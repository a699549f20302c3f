// What views ask engines to do, as requests: which words a call needs depends on the language of
// the function it names.
#pragma once

#include <string>
#include <string_view>

#include <trireme/value.hpp>

#include "session/frame.hpp"
#include "session/value_codec.hpp"

namespace trireme {

/// A request to several tasks' engines, before it is split into submissions.
struct CallRequest {
  std::string msg_type;
  Frame content;
  Frames buffers;
  bool is_execute = false;
};

/// A call of a named function; "python:..." names one of Python's (docs/python.md). TypeError when
/// an argument cannot travel.
CallRequest apply_request(std::string_view function, const List& args, const Dict& kwargs,
                          ResultForm form = ResultForm::kContent);
/// The function applied to each entry of `argument_lists`, a list of lists of arguments; the result
/// is the list of its results.
CallRequest map_request(std::string_view function, Value argument_lists);
CallRequest execute_request(std::string_view code, bool silent);
/// `cursor` counts characters.
CallRequest complete_request(std::string_view code, std::size_t cursor);

// Names in the engine's name space. Every engine understands these, whatever its language.
CallRequest push_request(const Dict& items);
/// On a Python engine the name may be any expression.
CallRequest pull_request(std::string_view name);
CallRequest keys_request();

}  // namespace trireme
