#include "fit_object.h"

#include "../cpu/cpu_fit.h"
#include "../cpu/dispatch.h"
#include "../cpu/memory.h"
#include "fit_jobs.h"
#include "values.h"

#if defined(NONNEG_HAS_CUDA)
#include "../cuda/cuda.h"
#endif

#include <cmath>
#include <cstring>
#include <new>

namespace nonneg {

namespace {

std::unique_ptr<fit> make_fit(const std::string& device, const std::string& isa, const fit_shape& shape,
                              status& result) {
  if (device == "cpu") {
    std::string reason;
    const nonneg_isa* const found = find_isa(isa, reason);
    if (found)
      return make_cpu_fit(shape, *found, result);
    result = {status_code::backend, reason};
    return nullptr;
  }
#if defined(NONNEG_HAS_CUDA)
  if (device == "cuda")
    return make_cuda_fit(shape, result);
#endif
  result = {status_code::backend, "this build has no device '" + device + "'"};
  return nullptr;
}

std::string text_of(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

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

// 'mu', 'hals' or 'pg'
bool read_rule(const std::string& name, update_rule& out) {
  constexpr std::pair<const char*, update_rule> rules[] = {
      {"mu", update_rule::mu}, {"hals", update_rule::hals}, {"pg", update_rule::pg}};
  for (const auto& [known, rule] : rules) {
    if (name == known) {
      out = rule;
      return true;
    }
  }
  return false;
}

bool read_number(Napi::Value value, double lowest, double& out) {
  return napi_get_value_double(value.Env(), value, &out) == napi_ok && out >= lowest && std::isfinite(out);
}

// { l1, l2 }
bool read_penalty(Napi::Value value, penalty& out) {
  if (!value.IsObject())
    return false;
  const Napi::Object from = value.As<Napi::Object>();
  return read_number(from.Get("l1"), 0, out.l1) && read_number(from.Get("l2"), 0, out.l2);
}

// The loss and how the factors move.
bool read_choices(const Napi::Object& options, fit_shape& shape) {
  return read_element_type(options.Get("dtype"), shape.element) && read_rule(text_of(options, "rule"), shape.rule) &&
         read_number(options.Get("beta"), -HUGE_VAL, shape.beta) && read_number(options.Get("step"), 0, shape.step) &&
         read_penalty(options.Get("penaltyW"), shape.penalty_w) &&
         read_penalty(options.Get("penaltyH"), shape.penalty_h);
}

// Indices are checked on a copy: the memory of a SharedArrayBuffer may change between the check and the use.
buffer<uint32_t> copy_of(const array& source, int64_t from, int64_t count) {
  buffer<uint32_t> copy;
  if (copy.allocate(count))
    memcpy(copy.get(), static_cast<const uint32_t*>(source.data) + from, size_t(count) * 4);
  return copy;
}

} // namespace

Napi::Function fit_object::define(Napi::Env env) {
  return DefineClass(env, "NativeFit",
                     {
                         InstanceMethod<&fit_object::upload_dense>("uploadDense"),
                         InstanceMethod<&fit_object::upload_indptr>("uploadIndptr"),
                         InstanceMethod<&fit_object::upload_entries>("uploadEntries"),
                         InstanceMethod<&fit_object::set_factors>("setFactors"),
                         InstanceMethod<&fit_object::run>("run"),
                         InstanceMethod<&fit_object::evaluate>("evaluate"),
                         InstanceMethod<&fit_object::factors>("factors"),
                         InstanceMethod<&fit_object::cancel>("cancel"),
                         InstanceMethod<&fit_object::dispose>("dispose"),
                     });
}

fit_object::fit_object(const Napi::CallbackInfo& info) : Napi::ObjectWrap<fit_object>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) {
    refuse(env, option_error, "NativeFit takes an object");
    return;
  }
  const Napi::Object options = info[0].As<Napi::Object>();
  fit_shape shape;
  int64_t threads = 1;
  const Napi::Value norm = options.Get("squaredNorm");
  if (!read_integer(options.Get("rows"), 0, shape.rows) || !read_integer(options.Get("columns"), 0, shape.columns) ||
      !read_integer(options.Get("rank"), 1, shape.rank) || !read_integer(options.Get("nonzeros"), -1, shape.nonzeros) ||
      !read_integer(options.Get("threads"), 1, threads) || !norm.IsNumber()) {
    refuse(env, shape_error, "rows, columns, rank, nonzeros, threads or squaredNorm is not a number in its range");
    return;
  }
  if (!read_choices(options, shape)) {
    refuse(env, option_error, "dtype, rule, beta, step, penaltyW or penaltyH is none");
    return;
  }
  shape.fixed_h = options.Get("fixedH").ToBoolean();
  shape.squared_norm = norm.As<Napi::Number>().DoubleValue();
  constexpr int64_t most_threads = 1024;
  shape.threads = int(threads < most_threads ? threads : most_threads);
  constexpr int64_t most_entries = (int64_t(1) << 32) - 1;
  if (shape.nonzeros > most_entries ||
      (shape.nonzeros >= 0 && (shape.rows > most_entries || shape.columns > most_entries))) {
    refuse(env, shape_error, "a sparse matrix has at most 2^32 - 1 rows, columns and entries");
    return;
  }
  status result;
  std::unique_ptr<fit> device = make_fit(text_of(options, "device"), text_of(options, "isa"), shape, result);
  if (!device) {
    refuse(env, result);
    return;
  }
  state = std::make_shared<fit_state>();
  state->device = std::move(device);
  state->shape = shape;
  const int64_t entries = shape.nonzeros < 0 ? shape.rows * shape.columns : 4 * shape.nonzeros;
  const int64_t element_bytes = shape.element == element_type::f64 ? 8 : 4;
  told_bytes = element_bytes * (entries + (shape.rows + shape.columns) * shape.rank);
  Napi::MemoryManagement::AdjustExternalMemory(env, told_bytes);
}

fit_object::~fit_object() {
  let_go();
}

// A running job is cancelled and keeps the memory until it has ended.
void fit_object::let_go() {
  if (!state)
    return;
  if (state->busy)
    state->cancelled.store(true);
  state.reset();
  Napi::MemoryManagement::AdjustExternalMemory(Env(), -told_bytes);
}

bool fit_object::usable(Napi::Env env) const {
  if (!state) {
    refuse(env, disposed_error, "this fit was disposed of");
  } else if (state->busy) {
    refuse(env, backend_error, "another call on this fit is still running");
  }
  return state && !state->busy;
}

bool fit_object::complete(Napi::Env env) const {
  if (!usable(env))
    return false;
  const fit_shape& s = state->shape;
  const bool X = s.nonzeros < 0 ? rows_uploaded == s.rows
                                : indptr_uploaded[0] && indptr_uploaded[1] && entries_uploaded[0] == s.nonzeros &&
                                      entries_uploaded[1] == s.nonzeros;
  if (!X || !factors_set)
    refuse(env, backend_error, X ? "the factors were not set" : "X was not uploaded completely");
  return X && factors_set;
}

// (count, data, offset, stride): the next `count` rows of X, from element `offset`, `stride` elements apart.
Napi::Value fit_object::upload_dense(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!usable(env))
    return env.Undefined();
  const fit_shape& s = state->shape;
  int64_t count = 0, offset = 0, stride = 0;
  array data;
  if (s.nonzeros >= 0 || !read_integer(info[0], 0, count) || count > s.rows - rows_uploaded) {
    return refuse(env, shape_error, "the rows to upload are not rows of a dense X");
  }
  if (!read_array(info[1], data) || !data.is_float() || !read_integer(info[2], 0, offset) ||
      !read_integer(info[3], s.columns, stride)) {
    return refuse(env, shape_error, "X needs a Float32Array or Float64Array, an offset, and a stride of its columns");
  }
  // by divisions: the product of two large numbers might not fit
  const int64_t available = data.length - offset;
  if (count > 0 &&
      (available < s.columns || (count > 1 && stride > 0 && (available - s.columns) / stride < count - 1))) {
    return refuse(env, shape_error, "the array of X is too short for its rows, or was detached");
  }
  for (int64_t i = 0; i < count;) {
    const bool packed = stride == s.columns;
    const int64_t rows = packed ? count : 1;
    buffer<char> staging;
    const void* const values = elements_of(data, s.element, offset + i * stride, rows * s.columns, staging);
    if (!values)
      return refuse(env, memory_error, "no memory to convert X");
    const status done = state->device->upload_dense(rows_uploaded + i, rows, values);
    if (!done.ok())
      return refuse(env, done);
    i += rows;
  }
  rows_uploaded += count;
  return env.Undefined();
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

// (W, Ht): of the element type, read by the job's thread; their owner must not detach them before the promise is
// settled.
Napi::Value fit_object::set_factors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  array W, Ht;
  if (!usable(env))
    return env.Undefined();
  if (!read_factors(info, state->shape, W, Ht))
    return refuse(env, shape_error, "the factors do not fit the shape of X");
  factors_set = true;
  return set_factors_job::start(info, state, W, Ht);
}

// (iterations, deadline): seconds from now after which no iteration starts, 0 for none.
Napi::Value fit_object::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t iterations = 0;
  double deadline = 0;
  if (!complete(env))
    return env.Undefined();
  if (!read_integer(info[0], 0, iterations) || iterations > INT32_MAX ||
      napi_get_value_double(env, info[1], &deadline) != napi_ok) {
    return refuse(env, option_error, "run takes a number of iterations and a deadline in seconds");
  }
  return run_job::start(info, state, int(iterations), deadline);
}

Napi::Value fit_object::evaluate(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return evaluate_job::start(info, state);
}

// (W, H): of the element type, that the job's thread writes to.
Napi::Value fit_object::factors(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  array W, H;
  if (!complete(env))
    return env.Undefined();
  if (!read_factors(info, state->shape, W, H))
    return refuse(env, shape_error, "the factors do not fit the shape of X");
  return factors_job::start(info, state, W, H);
}

Napi::Value fit_object::cancel(const Napi::CallbackInfo& info) {
  if (state && state->busy)
    state->cancelled.store(true);
  return info.Env().Undefined();
}

Napi::Value fit_object::dispose(const Napi::CallbackInfo& info) {
  let_go();
  return info.Env().Undefined();
}

} // namespace nonneg
