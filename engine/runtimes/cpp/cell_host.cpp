// host_calls.hpp over the engine's values.
#include "engine/runtimes/cpp/cell_host.hpp"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

#include "engine/runtimes/cpp/guard.hpp"
#include "session/value_codec.hpp"
#include "session/value_text.hpp"

namespace trireme {
namespace {

thread_local CellHost* t_host = nullptr;
std::atomic<CellHost*> g_host{nullptr};

Value& value_of(trireme_value* handle) { return *reinterpret_cast<Value*>(handle); }
const Value& value_of(const trireme_value* handle) {
  return *reinterpret_cast<const Value*>(handle);
}

MimeBundle bundle_of(const trireme_value* data, const trireme_value* metadata) {
  MimeBundle bundle;
  if (value_of(data).is_dict()) bundle.data = value_of(data).as_dict();
  if (metadata != nullptr && value_of(metadata).is_dict()) {
    bundle.metadata = value_of(metadata).as_dict();
  }
  return bundle;
}

/// The host, where hosted code cannot go on without one.
CellHost& needed_host() {
  CellHost* host = current_cell_host();
  if (host == nullptr) throw std::runtime_error("no cell runs");
  return *host;
}

}  // namespace

CellHostScope::CellHostScope(CellHost& host, bool for_all_threads)
    : before_(std::exchange(t_host, &host)),
      before_for_all_(for_all_threads ? g_host.exchange(&host) : g_host.load()) {}

CellHostScope::~CellHostScope() {
  t_host = before_;
  g_host = before_for_all_;
}

CellHost* current_cell_host() { return t_host != nullptr ? t_host : g_host.load(); }

}  // namespace trireme

using trireme::Value;
using trireme::value_of;

extern "C" {

trireme_value* trireme_new() { return trireme::handle_of(*new Value()); }
trireme_value* trireme_copy(const trireme_value* value) {
  return trireme::handle_of(*new Value(value_of(value)));
}
void trireme_free(trireme_value* value) { delete &value_of(value); }

int trireme_kind(const trireme_value* value) { return static_cast<int>(value_of(value).kind()); }
int64_t trireme_int(const trireme_value* value) {
  const Value& number = value_of(value);
  return number.is_bool() ? (number.as_bool() ? 1 : 0) : number.as_int();
}
double trireme_double(const trireme_value* value) { return value_of(value).as_double(); }
const char* trireme_data(const trireme_value* value, size_t* size) {
  const Value& held = value_of(value);
  std::string_view text;
  if (held.is_string()) text = held.as_string();
  if (held.is_bytes()) text = held.as_bytes().text();
  if (held.is_array()) text = held.as_array().data().text();
  *size = text.size();
  return text.data();
}
const char* trireme_dtype(const trireme_value* value) {
  return value_of(value).is_array() ? value_of(value).as_array().dtype().c_str() : "";
}
size_t trireme_shape(const trireme_value* value, const int64_t** lengths) {
  if (!value_of(value).is_array()) return 0;
  const auto& shape = value_of(value).as_array().shape();
  *lengths = shape.data();
  return shape.size();
}
size_t trireme_count(const trireme_value* value) {
  const Value& held = value_of(value);
  if (held.is_list()) return held.as_list().size();
  return held.is_dict() ? held.as_dict().size() : 0;
}
const trireme_value* trireme_item(const trireme_value* value, size_t index) {
  const Value& held = value_of(value);
  if (held.is_list()) return trireme::handle_of(held.as_list()[index]);
  const auto& entries = held.as_dict();
  return trireme::handle_of(std::next(entries.begin(), static_cast<std::ptrdiff_t>(index))->second);
}
const char* trireme_key(const trireme_value* value, size_t index, size_t* size) {
  const auto& entries = value_of(value).as_dict();
  const std::string& key = std::next(entries.begin(), static_cast<std::ptrdiff_t>(index))->first;
  *size = key.size();
  return key.data();
}
const trireme_value* trireme_find(const trireme_value* dict, const char* key, size_t size) {
  const Value* found = value_of(dict).find(std::string_view(key, size));
  return found == nullptr ? nullptr : trireme::handle_of(*found);
}

void trireme_set_null(trireme_value* value) { value_of(value) = Value(); }
void trireme_set_bool(trireme_value* value, int flag) { value_of(value) = Value(flag != 0); }
void trireme_set_int(trireme_value* value, int64_t number) { value_of(value) = Value(number); }
void trireme_set_double(trireme_value* value, double number) { value_of(value) = Value(number); }
void trireme_set_text(trireme_value* value, const char* text, size_t size) {
  value_of(value) = Value(std::string(text, size));
}
void trireme_set_bytes(trireme_value* value, const void* data, size_t size) {
  value_of(value) = Value(trireme::Bytes(std::string(static_cast<const char*>(data), size)));
}
int trireme_set_array(trireme_value* value, const char* dtype, const int64_t* lengths,
                      size_t dimensions, const void* data, size_t size) {
  try {
    const std::span bytes(static_cast<const std::byte*>(data), size);
    value_of(value) = Value(
        trireme::Array(dtype, {lengths, lengths + dimensions}, trireme::Bytes::copy_of(bytes)));
    return 1;
  } catch (const trireme::TypeError&) {
    return 0;
  }
}
void trireme_set_list(trireme_value* value) { value_of(value) = Value(trireme::List()); }
trireme_value* trireme_append(trireme_value* list) {
  return trireme::handle_of(value_of(list).as_list().emplace_back());
}
void trireme_set_dict(trireme_value* value) { value_of(value) = Value(trireme::Dict()); }
trireme_value* trireme_entry(trireme_value* dict, const char* key, size_t size) {
  return trireme::handle_of(value_of(dict).as_dict()[std::string(key, size)]);
}
void trireme_assign(trireme_value* value, const trireme_value* from) {
  Value copy = value_of(from);
  value_of(value) = std::move(copy);
}
int trireme_set_json(trireme_value* value, const char* text, size_t size) {
  auto parsed = trireme::decode_plain_json({text, size});
  if (!parsed) return 0;
  value_of(value) = std::move(*parsed);
  return 1;
}

void trireme_json(const trireme_value* value, int pretty, trireme_take take, void* context) {
  const std::string text =
      pretty != 0 ? trireme::to_pretty_json(value_of(value)) : trireme::to_json(value_of(value));
  take(context, text.data(), text.size());
}
void trireme_double_text(double number, trireme_take take, void* context) {
  std::string text;
  if (number != number) {
    text = "nan";
  } else if (number - number != 0) {
    text = number > 0 ? "inf" : "-inf";
  } else {
    trireme::append_json_double(number, text);
  }
  take(context, text.data(), text.size());
}
void trireme_quoted(const char* text, size_t size, trireme_take take, void* context) {
  std::string quoted;
  trireme::append_json_string({text, size}, quoted);
  take(context, quoted.data(), quoted.size());
}

trireme_value* trireme_ns_get(const char* name, size_t size) {
  auto found = trireme::needed_host().names().get({name, size});
  return found ? trireme::handle_of(*new Value(std::move(*found))) : nullptr;
}
void trireme_ns_set(const char* name, size_t size, const trireme_value* value) {
  trireme::needed_host().names().set(std::string(name, size), value_of(value));
}
int trireme_ns_erase(const char* name, size_t size) {
  return trireme::needed_host().names().erase({name, size}) ? 1 : 0;
}
trireme_value* trireme_ns_names() {
  trireme::List names;
  for (std::string& name : trireme::needed_host().names().keys()) {
    names.emplace_back(std::move(name));
  }
  return trireme::handle_of(*new Value(std::move(names)));
}

void trireme_display(const trireme_value* data, const trireme_value* metadata,
                     const char* display_id, int is_update) {
  trireme::CellHost* host = trireme::current_cell_host();
  if (host == nullptr) return;
  host->display({trireme::bundle_of(data, metadata), display_id, is_update != 0});
}
void trireme_result(const trireme_value* data) {
  trireme::CellHost* host = trireme::current_cell_host();
  if (host != nullptr) host->result(trireme::bundle_of(data, nullptr));
}
void trireme_clear_output(int wait) {
  trireme::CellHost* host = trireme::current_cell_host();
  if (host != nullptr) host->clear_output(wait != 0);
}
int trireme_input(const char* prompt, size_t size, int is_password, trireme_take take,
                  void* context) {
  auto line = trireme::needed_host().input({prompt, size}, is_password != 0);
  const std::string& text = line ? *line : line.error().text;
  take(context, text.data(), text.size());
  return line ? 1 : 0;
}
int trireme_stop_requested() {
  trireme::CellHost* host = trireme::current_cell_host();
  return host != nullptr && host->stop_requested() ? 1 : 0;
}
int trireme_engine_id() {
  trireme::CellHost* host = trireme::current_cell_host();
  return host == nullptr ? -1 : host->engine_id();
}

// Sleeping is done here, so that an interrupt may leave it: system libraries may not be left
// wherever they are.
static int trireme_nanosleep(const timespec* wanted, timespec* left) {
  const trireme::LeavablePlace here;
  return nanosleep(wanted, left);
}
static int trireme_clock_nanosleep(clockid_t clock, int flags, const timespec* wanted,
                                   timespec* left) {
  const trireme::LeavablePlace here;
  return clock_nanosleep(clock, flags, wanted, left);
}
static unsigned trireme_sleep(unsigned seconds) {
  const trireme::LeavablePlace here;
  return sleep(seconds);
}
static int trireme_usleep(useconds_t microseconds) {
  const trireme::LeavablePlace here;
  return usleep(microseconds);
}
}

namespace trireme {

std::vector<HostSymbol> cell_host_symbols() {
#define TRIREME_HOST_SYMBOL(name) \
  HostSymbol { #name, reinterpret_cast < void*>(&name) }
  return {
      TRIREME_HOST_SYMBOL(trireme_new),
      TRIREME_HOST_SYMBOL(trireme_copy),
      TRIREME_HOST_SYMBOL(trireme_free),
      TRIREME_HOST_SYMBOL(trireme_kind),
      TRIREME_HOST_SYMBOL(trireme_int),
      TRIREME_HOST_SYMBOL(trireme_double),
      TRIREME_HOST_SYMBOL(trireme_data),
      TRIREME_HOST_SYMBOL(trireme_dtype),
      TRIREME_HOST_SYMBOL(trireme_shape),
      TRIREME_HOST_SYMBOL(trireme_count),
      TRIREME_HOST_SYMBOL(trireme_item),
      TRIREME_HOST_SYMBOL(trireme_key),
      TRIREME_HOST_SYMBOL(trireme_find),
      TRIREME_HOST_SYMBOL(trireme_set_null),
      TRIREME_HOST_SYMBOL(trireme_set_bool),
      TRIREME_HOST_SYMBOL(trireme_set_int),
      TRIREME_HOST_SYMBOL(trireme_set_double),
      TRIREME_HOST_SYMBOL(trireme_set_text),
      TRIREME_HOST_SYMBOL(trireme_set_bytes),
      TRIREME_HOST_SYMBOL(trireme_set_array),
      TRIREME_HOST_SYMBOL(trireme_set_list),
      TRIREME_HOST_SYMBOL(trireme_append),
      TRIREME_HOST_SYMBOL(trireme_set_dict),
      TRIREME_HOST_SYMBOL(trireme_entry),
      TRIREME_HOST_SYMBOL(trireme_assign),
      TRIREME_HOST_SYMBOL(trireme_set_json),
      TRIREME_HOST_SYMBOL(trireme_json),
      TRIREME_HOST_SYMBOL(trireme_double_text),
      TRIREME_HOST_SYMBOL(trireme_quoted),
      TRIREME_HOST_SYMBOL(trireme_ns_get),
      TRIREME_HOST_SYMBOL(trireme_ns_set),
      TRIREME_HOST_SYMBOL(trireme_ns_erase),
      TRIREME_HOST_SYMBOL(trireme_ns_names),
      TRIREME_HOST_SYMBOL(trireme_display),
      TRIREME_HOST_SYMBOL(trireme_result),
      TRIREME_HOST_SYMBOL(trireme_clear_output),
      TRIREME_HOST_SYMBOL(trireme_input),
      TRIREME_HOST_SYMBOL(trireme_stop_requested),
      TRIREME_HOST_SYMBOL(trireme_engine_id),
      {"nanosleep", reinterpret_cast<void*>(&trireme_nanosleep)},
      {"clock_nanosleep", reinterpret_cast<void*>(&trireme_clock_nanosleep)},
      {"sleep", reinterpret_cast<void*>(&trireme_sleep)},
      {"usleep", reinterpret_cast<void*>(&trireme_usleep)},
  };
#undef TRIREME_HOST_SYMBOL
}

}  // namespace trireme
