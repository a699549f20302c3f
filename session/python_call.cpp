// Function, {"nargs", "narg_bufs", "kw_keys"}, arguments, keyword arguments.
#include "session/python_call.hpp"

#include "session/pickle_reader.hpp"
#include "session/pickle_writer.hpp"

namespace trireme {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kCanning = "ipyparallel.serialize.canning";

std::string state_text(const PickleNode& node, std::string_view key) {
  const PickleNode* state = node.part(PickleNode::kState, Kind::kDict);
  const PickleNode* found = state == nullptr ? nullptr : state->find(key);
  return found != nullptr && found->is(Kind::kString) ? std::string(found->text) : std::string();
}

Error not_a_call(std::string_view what) {
  return Error{ErrorCode::kBadFormat,
               "The request is no call of a Python client: " + std::string(what) +
                   ". Send pickles as ipyparallel writes them."};
}

/// What the second frame tells: how many arguments follow, and the names of the keyword ones.
struct CallShape {
  std::size_t args = 0;
  std::vector<std::string> keys;
};

Result<CallShape> read_shape(const Frame& frame) {
  const Result<Pickle> pickle = read_pickle(frame);
  if (!pickle) return pickle.error();
  const PickleNode* count = pickle->root().find("nargs");
  const PickleNode* keys = pickle->root().find("kw_keys");
  if (count == nullptr || !count->is(Kind::kInt) || count->integer < 0) {
    return not_a_call("it does not tell how many arguments it has");
  }
  CallShape shape{static_cast<std::size_t>(count->integer), {}};
  if (keys == nullptr) return shape;
  for (const PickleNode* key : keys->items) {
    if (!key->is(Kind::kString)) return not_a_call("a keyword is no text");
    shape.keys.emplace_back(key->text);
  }
  return shape;
}

Frame reference(std::string_view expression) {
  PickleWriter writer;
  writer.global(kCanning, "Reference");
  writer.new_object();
  writer.begin_dict();
  writer.text("name");
  writer.text(expression);
  writer.text("buffers");
  writer.begin_list();
  writer.end_list();
  writer.end_dict();
  writer.build();
  return Frame(writer.finish());
}

/// "module:name", "module.name" or the name of a builtin.
Frame importable(std::string_view path) {
  std::size_t split = path.find(':');
  if (split == std::string_view::npos) split = path.rfind('.');
  PickleWriter writer;
  if (split == std::string_view::npos) {
    writer.global("builtins", path);
  } else {
    writer.global(path.substr(0, split), path.substr(split + 1));
  }
  return Frame(writer.finish());
}

Frame target_frame(const PythonTarget& target) {
  return target.kind == PythonTarget::Kind::kImportable ? importable(target.text)
                                                        : reference(target.text);
}

Frame shape_frame(std::size_t args, std::size_t arg_frames, const Dict& kwargs) {
  List keys;
  for (const auto& [key, value] : kwargs) keys.emplace_back(key);
  PickleWriter writer;
  writer.value(Dict{{"nargs", args}, {"narg_bufs", arg_frames}, {"kw_keys", std::move(keys)}});
  return Frame(writer.finish());
}

}  // namespace

PythonFunction read_python_function(const PythonObject& object) {
  PythonFunction function;
  function.description = object.describe();
  const PickleNode& root = object.root();
  if (const std::optional<std::string> name = object.reference_name()) {
    function.kind = PythonFunction::Kind::kReference;
    function.name = *name;
  } else if (root.is(Kind::kGlobal)) {
    function.kind = PythonFunction::Kind::kGlobal;
    function.module = root.items[0]->text;
    function.name = root.items[1]->text;
  } else if (root.global_name() == std::string(kCanning) + ".CannedFunction") {
    function.kind = PythonFunction::Kind::kFunction;
    function.module = state_text(root, "module");
    function.name = state_text(root, "__name__");
  }
  return function;
}

Result<PythonCall> read_python_call(const Frames& buffers) {
  if (buffers.empty()) {
    return not_a_call("it has neither a function's name in its content nor buffers");
  }
  std::size_t next = 0;
  const Result<PythonObject> function = PythonObject::take(buffers, next);
  if (!function) return function.error();
  if (next >= buffers.size()) return not_a_call("nothing follows the function");
  Result<CallShape> shape = read_shape(buffers[next++]);
  if (!shape) return shape.error();
  PythonCall call;
  call.function = read_python_function(*function);
  for (std::size_t i = 0; i < shape->args; ++i) {
    Result<PythonObject> argument = PythonObject::take(buffers, next);
    if (!argument) return argument.error();
    call.args.push_back(std::move(*argument));
  }
  for (std::string& key : shape->keys) {
    Result<PythonObject> argument = PythonObject::take(buffers, next);
    if (!argument) return argument.error();
    call.kwargs.emplace_back(std::move(key), std::move(*argument));
  }
  return call;
}

Frames write_python_call(const PythonTarget& target, const List& args, const Dict& kwargs) {
  Frames objects;
  for (const Value& value : args) append_python_object(value, objects);
  const std::size_t arg_frames = objects.size();
  for (const auto& [key, value] : kwargs) append_python_object(value, objects);
  Frames frames{target_frame(target), shape_frame(args.size(), arg_frames, kwargs)};
  for (Frame& frame : objects) frames.push_back(std::move(frame));
  return frames;
}

Frames write_python_pull(std::string_view expression) {
  return {reference(kPythonIdentity), shape_frame(1, 1, {}), reference(expression)};
}

Frames write_python_map(const PythonTarget& target, const Value& argument_lists) {
  Frames entries;
  append_python_object(argument_lists, entries);
  Frames frames{reference("(lambda function, entries: [function(*entry) for entry in entries])"),
                shape_frame(2, 1 + entries.size(), {}), target_frame(target)};
  for (Frame& frame : entries) frames.push_back(std::move(frame));
  return frames;
}

}  // namespace trireme
