// What JavaScript hands over before a fit can run: X, the weights, in pieces, with every length checked.
#include "../cpu/memory.h"
#include "fit_object.h"
#include "values.h"

#include <cstring>

namespace nonneg {

namespace {

template<class From, class To> const void* convert(const array& source, int64_t from, int64_t count, buffer<char>& to) {
  if (!to.allocate(count * int64_t(sizeof(To))))
    return nullptr;
  const From* const values = static_cast<const From*>(source.data) + from;
  To* const out = reinterpret_cast<To*>(to.get());
  for (int64_t i = 0; i < count; i++)
    out[i] = To(values[i]);
  return out;
}

// The array's elements from `from`, converted into `staging` where they are of another type; null without memory.
const void* elements_of(const array& source, element_type wanted, int64_t from, int64_t count, buffer<char>& staging) {
  if (source.type == array_type(wanted))
    return static_cast<const char*>(source.data) + from * source.element_bytes();
  if (wanted == element_type::f64)
    return convert<float, double>(source, from, count, staging);
  return convert<double, float>(source, from, count, staging);
}

// Indices are checked on a copy: the memory of a SharedArrayBuffer may change between the check and the use.
buffer<uint32_t> copy_of(const array& source, int64_t from, int64_t count) {
  buffer<uint32_t> copy;
  if (copy.allocate(count))
    memcpy(copy.get(), static_cast<const uint32_t*>(source.data) + from, size_t(count) * 4);
  return copy;
}

// (count, data, offset, stride): the next `count` rows of a matrix of X's shape, from element `offset`, `stride`
// elements apart, after the `done` that are here. put(first, rows, values) hands them to the device.
template<class Put>
Napi::Value upload_rows(const Napi::CallbackInfo& info, const fit_shape& s, int64_t& done, const Put& put) {
  const Napi::Env env = info.Env();
  int64_t count = 0, offset = 0, stride = 0;
  array data;
  if (!read_integer(info[0], 0, count) || count > s.rows - done)
    return refuse(env, shape_error, "the rows to upload are more than X has");
  if (!read_array(info[1], data) || !data.is_float() || !read_integer(info[2], 0, offset) ||
      !read_integer(info[3], s.columns, stride)) {
    return refuse(env, shape_error,
                  "a dense matrix needs a Float32Array or Float64Array, an offset, and a stride of its columns");
  }
  // by divisions: the product of two large numbers might not fit
  const int64_t available = data.length - offset;
  if (count > 0 &&
      (available < s.columns || (count > 1 && stride > 0 && (available - s.columns) / stride < count - 1))) {
    return refuse(env, shape_error, "the array is too short for its rows, or was detached");
  }
  for (int64_t i = 0; i < count;) {
    const bool packed = stride == s.columns;
    const int64_t rows = packed ? count : 1;
    buffer<char> staging;
    const void* const values = elements_of(data, s.element, offset + i * stride, rows * s.columns, staging);
    if (!values)
      return refuse(env, memory_error, "no memory to convert a matrix");
    const status stored = put(done + i, rows, values);
    if (!stored.ok())
      return refuse(env, stored);
    i += rows;
  }
  done += count;
  return env.Undefined();
}

} // namespace

// The next rows of a dense X.
Napi::Value fit_object::upload_dense(const Napi::CallbackInfo& info) {
  if (!usable(info.Env()))
    return info.Env().Undefined();
  if (state->shape.nonzeros >= 0)
    return refuse(info.Env(), shape_error, "the rows to upload are not rows of a dense X");
  return upload_rows(info, state->shape, rows_uploaded, [&](int64_t first, int64_t rows, const void* values) {
    return state->device->upload_dense(first, rows, values);
  });
}

// (transposed, indptr): the row pointers of the CSR, or of the transpose's.
Napi::Value fit_object::upload_indptr(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!usable(env))
    return env.Undefined();
  const fit_shape& s = state->shape;
  const bool transposed = info[0].ToBoolean();
  const int64_t rows = transposed ? s.columns : s.rows;
  array indptr;
  if (s.nonzeros < 0 || !read_array(info[1], indptr) || indptr.type != napi_uint32_array || indptr.length != rows + 1) {
    return refuse(env, shape_error, "indptr must be a Uint32Array with one entry more than a sparse X has rows");
  }
  const buffer<uint32_t> values = copy_of(indptr, 0, rows + 1);
  if (!values.get())
    return refuse(env, memory_error, "no memory to check indptr");
  bool valid = values[0] == 0 && values[rows] == s.nonzeros;
  for (int64_t i = 0; i < rows; i++)
    valid = valid && values[i] <= values[i + 1];
  if (!valid)
    return refuse(env, shape_error, "indptr must rise from 0 to the number of entries");
  const status done = state->device->upload_indptr(transposed, values.get());
  if (!done.ok())
    return refuse(env, done);
  indptr_uploaded[transposed] = true;
  return env.Undefined();
}

// (transposed, indices, values, from, count): the next `count` entries, found at `from` in both arrays.
Napi::Value fit_object::upload_entries(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!usable(env))
    return env.Undefined();
  const fit_shape& s = state->shape;
  const bool transposed = info[0].ToBoolean();
  array indices, values;
  int64_t from = 0, count = 0;
  if (s.nonzeros < 0 || !read_array(info[1], indices) || indices.type != napi_uint32_array ||
      !read_array(info[2], values) || !values.is_float() || !read_integer(info[3], 0, from) ||
      !read_integer(info[4], 0, count)) {
    return refuse(env, shape_error, "a sparse X needs a Uint32Array of indices and a float array of values");
  }
  const int64_t first = entries_uploaded[transposed];
  if (count > s.nonzeros - first || from > indices.length - count || from > values.length - count) {
    return refuse(env, shape_error, "the arrays of X are too short for its entries, or were detached");
  }
  const buffer<uint32_t> where = copy_of(indices, from, count);
  if (!where.get())
    return refuse(env, memory_error, "no memory to check the indices");
  const int64_t bound = transposed ? s.rows : s.columns;
  for (int64_t p = 0; p < count; p++) {
    if (where[p] >= bound) {
      return refuse(env, shape_error, "index " + std::to_string(where[p]) + " is not below " + std::to_string(bound));
    }
  }
  buffer<char> staging;
  const void* const converted = elements_of(values, s.element, from, count, staging);
  if (!converted)
    return refuse(env, memory_error, "no memory to convert X");
  const status done = state->device->upload_entries(transposed, first, count, where.get(), converted);
  if (!done.ok())
    return refuse(env, done);
  entries_uploaded[transposed] += count;
  return env.Undefined();
}

// The next rows of weights of every entry.
Napi::Value fit_object::upload_weights(const Napi::CallbackInfo& info) {
  if (!usable(info.Env()))
    return info.Env().Undefined();
  if (state->shape.weights != weights_kind::dense)
    return refuse(info.Env(), shape_error, "this fit has no weights of every entry");
  return upload_rows(info, state->shape, weight_rows_uploaded, [&](int64_t first, int64_t rows, const void* values) {
    return state->device->upload_weights(first, rows, values);
  });
}

// (transposed, values, from, count): the weights of the next `count` listed entries, found at `from`.
Napi::Value fit_object::upload_entry_weights(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!usable(env))
    return env.Undefined();
  const fit_shape& s = state->shape;
  const bool transposed = info[0].ToBoolean();
  array values;
  int64_t from = 0, count = 0;
  int64_t& done = entry_weights_uploaded[transposed];
  if (s.weights != weights_kind::entries || !read_array(info[1], values) || !values.is_float() ||
      !read_integer(info[2], 0, from) || !read_integer(info[3], 0, count) || count > s.nonzeros - done ||
      from > values.length - count) {
    return refuse(env, shape_error, "the weights of listed entries need a float array as long as they are");
  }
  buffer<char> staging;
  const void* const converted = elements_of(values, s.element, from, count, staging);
  if (!converted)
    return refuse(env, memory_error, "no memory to convert the weights");
  const status stored = state->device->upload_entry_weights(transposed, done, count, converted);
  if (!stored.ok())
    return refuse(env, stored);
  done += count;
  return env.Undefined();
}

} // namespace nonneg
