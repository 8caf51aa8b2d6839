#include "values.h"

#include <cmath>

namespace nonneg {

const char* error_code(status_code code) {
  switch (code) {
  case status_code::memory:
    return memory_error;
  case status_code::device_lost:
    return "ERR_NONNEG_DEVICE_LOST";
  case status_code::unsupported:
    return "ERR_NONNEG_UNSUPPORTED";
  default:
    return backend_error;
  }
}

Napi::Value refuse(Napi::Env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
  return env.Undefined();
}

Napi::Value refuse(Napi::Env env, const status& failed) {
  return refuse(env, error_code(failed.code), failed.message);
}

int64_t array::element_bytes() const {
  switch (type) {
  case napi_float64_array:
    return 8;
  case napi_float32_array:
  case napi_uint32_array:
    return 4;
  default:
    return 1;
  }
}

bool read_array(Napi::Value value, array& out) {
  bool is_array = false;
  if (napi_is_typedarray(value.Env(), value, &is_array) != napi_ok || !is_array)
    return false;
  size_t length = 0;
  if (napi_get_typedarray_info(value.Env(), value, &out.type, &length, &out.data, nullptr, nullptr) != napi_ok) {
    return false;
  }
  out.length = int64_t(length);
  return true;
}

napi_typedarray_type array_type(element_type type) {
  return type == element_type::f64 ? napi_float64_array : napi_float32_array;
}

bool read_element_type(Napi::Value value, element_type& out) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
  out = name == "f64" ? element_type::f64 : element_type::f32;
  return name == "f32" || name == "f64";
}

bool read_integer(Napi::Value value, int64_t lowest, int64_t& out) {
  double number = 0;
  if (napi_get_value_double(value.Env(), value, &number) != napi_ok)
    return false;
  if (!(number >= double(lowest) && number <= 9007199254740992.0) || number != std::floor(number))
    return false;
  out = int64_t(number);
  return true;
}

} // namespace nonneg
