// Native calls and results on the wire: JSON for what is small, raw buffers for what is big.
//
// A value is JSON as it stands, except for these objects (docs/protocol.md, "Native calls"):
//   {"$buffer": i}                                bytes: buffer i of the message
//   {"$buffer": i, "dtype": "<f8", "shape": [2]}  array: its elements in C order in buffer i
//   {"$text": i}                                  a string that is long or not UTF-8, in buffer i
//   {"$float": "nan" | "inf" | "-inf"}            numbers JSON cannot say
//   {"$dict": {...}}                              a dict that has a key beginning with '$'
// Buffers are numbered from 0 in the order in which their placeholders appear.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/value.hpp>

#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

inline constexpr std::size_t kValueDepthMax = 100;
inline constexpr std::size_t kInlineTextBytesMax = 64u << 10;

/// A value as it travels.
struct EncodedValue {
  std::string json;
  Frames buffers;  // share the bytes of the value
};

/// How a result comes back. Packed: everything in buffers, so that a controller can join the
/// results of many engines by joining their buffers (coalescing broadcasts).
enum class ResultForm { kContent, kPacked };

/// A call of a named function.
struct NativeCall {
  std::string function;
  List args;
  Dict kwargs;
  ResultForm form = ResultForm::kContent;  // what the caller asked for
};

/// Appends the JSON text of `value` to `json` and its bytes to `buffers`, without copying them.
/// TypeError when it is nested deeper than kValueDepthMax.
void append_value(const Value& value, std::string& json, Frames& buffers);
EncodedValue encode_value(const Value& value);
/// Never throws, whatever the text; bytes and arrays share the frames' bytes (an array whose bytes
/// lie misaligned for its numbers is copied). kBadFormat.
Result<Value> decode_value(std::string_view json, const Frames& buffers);

/// Content {"function", "args", "kwargs"} of an apply_request, with "packed": true for that form.
EncodedValue encode_call(std::string_view function, const List& args, const Dict& kwargs,
                         ResultForm form = ResultForm::kContent);
/// kNotFound when the content names no function: then it is a call of a Python client, with pickles
/// for buffers. kBadFormat for everything else that is wrong.
Result<NativeCall> decode_call(std::string_view content, const Frames& buffers);

/// Content {"status": "ok", "result"} of an apply_reply. Packed: content {"status": "ok", "packed":
/// true}, and for buffers the text {"result", "buffers": n} and then its n buffers.
EncodedValue encode_result(const Value& result, ResultForm form = ResultForm::kContent);
/// kNotFound when the content has no result: then it is the reply of a Python engine.
Result<Value> decode_result(std::string_view content, const Frames& buffers);
/// The results in the joined buffers of packed replies, in order. kBadFormat.
Result<std::vector<Value>> decode_packed_results(const Frames& buffers);

/// Bytes that share the frame's bytes, and the other way round.
Bytes bytes_of(const Frame& frame);
Frame frame_of(const Bytes& bytes);

/// Plain JSON text as a value: no placeholders, keys as they are. kBadFormat.
Result<Value> decode_plain_json(std::string_view json);

}  // namespace trireme
