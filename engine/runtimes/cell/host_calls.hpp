// What cells can ask of their host: a C interface, so that cells compile without our types.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A value of the host. Whoever makes one frees it; parts of one live as long as the whole.
typedef struct trireme_value trireme_value;

/// The kinds, in the order of trireme::Value::Kind.
enum {
  TRIREME_NULL,
  TRIREME_BOOL,
  TRIREME_INT,
  TRIREME_DOUBLE,
  TRIREME_TEXT,
  TRIREME_BYTES,
  TRIREME_ARRAY,
  TRIREME_LIST,
  TRIREME_DICT
};

trireme_value* trireme_new(void);
trireme_value* trireme_copy(const trireme_value* value);
void trireme_free(trireme_value* value);

/// Reading. The caller has checked the kind.
int trireme_kind(const trireme_value* value);
int64_t trireme_int(const trireme_value* value);    // of a bool or an integer
double trireme_double(const trireme_value* value);  // of an integer or a double
/// Of text, bytes, or the elements of an array.
const char* trireme_data(const trireme_value* value, size_t* size);
const char* trireme_dtype(const trireme_value* value);
size_t trireme_shape(const trireme_value* value, const int64_t** lengths);
/// Entries of a list or dict.
size_t trireme_count(const trireme_value* value);
const trireme_value* trireme_item(const trireme_value* value, size_t index);
const char* trireme_key(const trireme_value* value, size_t index, size_t* size);
const trireme_value* trireme_find(const trireme_value* dict, const char* key, size_t size);

/// Writing: `value` becomes that, whatever it was.
void trireme_set_null(trireme_value* value);
void trireme_set_bool(trireme_value* value, int flag);
void trireme_set_int(trireme_value* value, int64_t number);
void trireme_set_double(trireme_value* value, double number);
void trireme_set_text(trireme_value* value, const char* text, size_t size);
void trireme_set_bytes(trireme_value* value, const void* data, size_t size);
/// Copies; returns 0 when the dtype is unknown or the sizes disagree.
int trireme_set_array(trireme_value* value, const char* dtype, const int64_t* lengths,
                      size_t dimensions, const void* data, size_t size);
void trireme_set_list(trireme_value* value);
trireme_value* trireme_append(trireme_value* list);  // a new last entry
void trireme_set_dict(trireme_value* value);
trireme_value* trireme_entry(trireme_value* dict, const char* key, size_t size);
void trireme_assign(trireme_value* value, const trireme_value* from);
/// Returns 0 when the text is not JSON.
int trireme_set_json(trireme_value* value, const char* text, size_t size);

/// Texts are handed to `take` once.
typedef void (*trireme_take)(void* context, const char* text, size_t size);
void trireme_json(const trireme_value* value, int pretty, trireme_take take, void* context);
void trireme_double_text(double number, trireme_take take, void* context);
void trireme_quoted(const char* text, size_t size, trireme_take take, void* context);

/// The engine's name space. get: a new value, or null.
trireme_value* trireme_ns_get(const char* name, size_t size);
void trireme_ns_set(const char* name, size_t size, const trireme_value* value);
int trireme_ns_erase(const char* name, size_t size);
trireme_value* trireme_ns_names(void);  // a new list of texts

/// `data` and `metadata` are dicts, `metadata` may be null.
void trireme_display(const trireme_value* data, const trireme_value* metadata,
                     const char* display_id, int is_update);
/// What the last expression of the cell gave.
void trireme_result(const trireme_value* data);
void trireme_clear_output(int wait);
/// Returns 0 with the reason for text when nobody can be asked.
int trireme_input(const char* prompt, size_t size, int is_password, trireme_take take,
                  void* context);
/// Whether the cell was asked to stop.
int trireme_stop_requested(void);
int trireme_engine_id(void);

#ifdef __cplusplus
}
#endif
