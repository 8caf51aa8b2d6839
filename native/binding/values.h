// Reading JavaScript values without trusting them, and errors with the codes of the TypeScript layer.
#pragma once

#include "../include/fit.h"

#include <napi.h>

#include <cstdint>
#include <string>

namespace nonneg {

constexpr const char* shape_error = "ERR_NONNEG_SHAPE";
constexpr const char* option_error = "ERR_NONNEG_OPTION";
constexpr const char* disposed_error = "ERR_NONNEG_DISPOSED";
constexpr const char* backend_error = "ERR_NONNEG_BACKEND";
constexpr const char* memory_error = "ERR_NONNEG_MEMORY";

const char* error_code(status_code code);

// Throws in JavaScript: an Error with that `code`. Returns undefined, for `return refuse(…)`.
Napi::Value refuse(Napi::Env env, const char* code, const std::string& message);
Napi::Value refuse(Napi::Env env, const status& failed);

// The memory of a typed array. It may belong to a SharedArrayBuffer, so the ArrayBuffer is never asked for; a detached
// array has length 0.
struct array {
  napi_typedarray_type type = napi_int8_array;
  int64_t length = 0;
  void* data = nullptr;

  bool is_float() const { return type == napi_float32_array || type == napi_float64_array; }
  int64_t element_bytes() const;
};

bool read_array(Napi::Value value, array& out);

napi_typedarray_type array_type(element_type type);

// 'f32' or 'f64'
bool read_element_type(Napi::Value value, element_type& out);

// A whole number, at least `lowest` and at most 2^53.
bool read_integer(Napi::Value value, int64_t lowest, int64_t& out);

} // namespace nonneg
