// Readers that every process has: frames, headers, values, pickles, connection files.
#include "session/connection_file.hpp"
#include "session/pickle_reader.hpp"
#include "session/python_call.hpp"
#include "session/python_value.hpp"
#include "session/value_codec.hpp"
#include "session/wire.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/frame_text.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/unit/session/captured_pickles.hpp"

namespace trireme::fuzz {
namespace {

std::vector<std::string_view> wire_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {kDelimiter, std::string_view("\x80"), std::string_view("\x81\xa1"),
        std::string_view("\xdf\xff\xff\xff\xff"), std::string_view("\xc1"),
        std::string_view("\xdd\x7f\xff\xff\xff"), std::string_view("\xcf"),
        std::string_view("\xd9\xff")}) {
    tokens.push_back(more);
  }
  return tokens;
}

std::vector<std::string> wire_corpus() {
  std::vector<std::string> inputs;
  for (const CapturedMessage& message : captured_messages()) {
    inputs.push_back(join_frames(message.frames()));
  }
  return inputs;
}

Wire make_wire(const char* key, Packer::Kind kind) {
  return Wire(*Signer::create(key), Packer(kind));
}

bool run_wire(std::string_view input) {
  static Wire with_key = make_wire("golden-key-0123456789abcdef", Packer::Kind::kJson);
  static Wire json = make_wire("", Packer::Kind::kJson);
  static Wire msgpack = make_wire("", Packer::Kind::kMsgpack);
  const Frames frames = frames_of(input);
  const Result<Message> verified = with_key.decode(frames, Wire::Replays::kAllow);
  demand(verified || !verified.error().text.empty(), "a refusal is a sentence");
  bool is_understood = verified.has_value();
  for (Wire* wire : {&json, &msgpack}) {
    const Result<Message> message = wire->decode(frames, Wire::Replays::kAllow);
    if (!message) continue;
    is_understood = true;
    const Result<Message> again = wire->decode(wire->encode(*message), Wire::Replays::kAllow);
    demand(again.has_value(), "what was read can be written and read again");
    demand(again->header.msg_id == message->header.msg_id, "the same message comes back");
    demand(again->buffers == message->buffers, "buffers come back as they were");
  }
  return is_understood;
}

std::vector<std::string> header_corpus() {
  std::vector<std::string> inputs;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.packer == "json") inputs.push_back(message.parts[0]);
  }
  return inputs;
}

bool run_header(std::string_view input) {
  const Result<Header> header = parse_header(input);
  if (!header) return false;
  demand(!header->msg_id.empty() && !header->msg_type.empty() && !header->session.empty(),
         "a header that was read names message, type and session");
  const Result<Header> again = parse_header(header_json(*header));
  demand(again && again->msg_id == header->msg_id && again->msg_type == header->msg_type &&
             again->session == header->session,
         "a header can be written and read again");
  return true;
}

bool run_connection_file(std::string_view input) {
  const Result<ClientConnection> client = parse_client_connection(input, "a file");
  const Result<EngineConnection> engine = parse_engine_connection(input, "a file");
  if (client) demand(!peer_url(*client, client->mux).empty(), "a port has an address");
  if (engine) demand(!peer_url(*engine, engine->mux).empty(), "a port has an address");
  demand(client || client.error().text.find("a file") != std::string::npos, "the file is named");
  return client || engine;
}

std::vector<std::string> value_corpus() {
  const Array numbers(std::string("<f8"), {2}, bytes_of(Frame(std::string(16, '\1'))));
  const Value nested = Dict{{"a", List{1, 2.5, true, nullptr, "text", numbers}},
                            {"$odd", bytes_of(Frame::copy_of("raw"))},
                            {"text", "caf\xc3\xa9"}};
  std::vector<std::string> inputs;
  const auto add = [&inputs](const EncodedValue& encoded) {
    std::vector<std::string> frames{encoded.json};
    for (const Frame& buffer : encoded.buffers) frames.push_back(buffer.to_string());
    inputs.push_back(join_frames(frames));
  };
  for (const Value& value : {nested, Value(numbers), Value(1), Value(1e300), Value("\xff")}) {
    add(encode_value(value));
    add(encode_call("module.function", {value, 2}, {{"key", value}}));
    add(encode_call("f", {value}, {}, ResultForm::kPacked));
    add(encode_result(value));
  }
  add(encode_value(std::string(kInlineTextBytesMax + 1, 'x')));
  const EncodedValue packed = encode_result(nested, ResultForm::kPacked);
  std::vector<std::string> frames;
  for (const Frame& buffer : packed.buffers) frames.push_back(buffer.to_string());
  inputs.push_back(join_frames(frames));
  return inputs;
}

std::vector<std::string_view> value_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {"{\"$buffer\": 0}", "{\"$buffer\": 1, \"dtype\": \"<f8\", \"shape\": [2]}", "\"$text\"",
        "\"$float\": \"nan\"", "{\"$dict\": {", "\"shape\": [-1]", "\"<i8\"", "\"|b1\"",
        "[4294967296, 4294967296]", "\"function\"", "\"args\"", "\"kwargs\"", "\"packed\"",
        "\"result\"", "\"buffers\": 9"}) {
    tokens.push_back(more);
  }
  return tokens;
}

bool run_value(std::string_view input) {
  const Frames frames = frames_of(input);
  if (frames.empty()) return false;
  const Frames buffers(frames.begin() + 1, frames.end());
  bool is_understood = decode_call(frames[0].view(), buffers).has_value();
  is_understood |= decode_result(frames[0].view(), buffers).has_value();
  is_understood |= decode_packed_results(frames).has_value();
  is_understood |= decode_plain_json(frames[0].view()).has_value();
  const Result<Value> value = decode_value(frames[0].view(), buffers);
  if (!value) return is_understood;
  const EncodedValue written = encode_value(*value);
  const Result<Value> again = decode_value(written.json, written.buffers);
  demand(again.has_value(), "what was read can be written and read again");
  const EncodedValue twice = encode_value(*again);
  demand(twice.json == written.json && twice.buffers == written.buffers,
         "a value comes back as it was");
  return true;
}

std::vector<std::string_view> pickle_tokens() {
  static constexpr std::string_view kOperations =
      "(.012JKMNRXabcdehjlqrstu}])GBC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90"
      "\x91\x92\x93\x94\x95\x96\x97PQi";
  std::vector<std::string_view> tokens;
  for (std::size_t i = 0; i < kOperations.size(); ++i) tokens.push_back(kOperations.substr(i, 1));
  return tokens;
}

std::vector<std::string> pickle_corpus() {
  std::vector<std::string> inputs;
  for (CapturedPickle& pickle : captured_pickles()) inputs.push_back(std::move(pickle.bytes));
  return inputs;
}

bool run_pickle(std::string_view input) {
  const Frame frame = Frame::copy_of(input);
  const Result<Pickle> pickle = read_pickle(frame);
  if (!pickle) {
    demand(!pickle.error().text.empty(), "a refusal is a sentence");
    return false;
  }
  demand(pickle->node_count() <= 2 * frame.size() + 2, "nodes are bounded by the bytes");
  const Frames frames{frame, frame, Frame(std::string(16, '\1')), frame};
  std::size_t next = 0;
  const Result<PythonObject> object = PythonObject::take(frames, next);
  bool is_understood = false;
  if (object) {
    demand(!object->describe().empty(), "every object can be described");
    is_understood = object->to_value(nullptr).has_value();
  }
  const Result<PythonCall> call = read_python_call(frames);
  demand(!call || call->args.size() <= frames.size(), "arguments are bounded by the frames");
  return is_understood;
}

}  // namespace

std::span<const FuzzTarget> fuzz_targets() {
  static const std::vector<FuzzTarget> targets{
      {"wire", InputShape::kFrames, wire_tokens, wire_corpus, run_wire, 2},
      {"header", InputShape::kText, json_tokens, header_corpus, run_header},
      {"connection_file", InputShape::kText, json_tokens, captured_connection_files,
       run_connection_file, 2},
      {"value", InputShape::kFrames, value_tokens, value_corpus, run_value, 2},
      {"pickle", InputShape::kText, pickle_tokens, pickle_corpus, run_pickle},
  };
  return targets;
}

}  // namespace trireme::fuzz
