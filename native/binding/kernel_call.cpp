#include "kernel_call.h"

#include "../cpu/denormals.h"
#include "../cpu/dispatch.h"
#include "../cpu/memory.h"
#include "kernel_list.h"

#if defined(NONNEG_HAS_CUDA)
#include "../cuda/cuda.h"
#endif

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

bool read_number(const Napi::Value& value, double& out) {
  return napi_get_value_double(value.Env(), value, &out) == napi_ok;
}

bool read_sizes(const Napi::Object& from, sizes& to) {
  for (const auto& [name, member] : integer_names) {
    if (from.Has(name) && !read_integer(from.Get(name), 0, to.*member))
      return false;
  }
  for (const auto& [name, member] : number_names) {
    if (from.Has(name) && !read_number(from.Get(name), to.*member))
      return false;
  }
  if (!from.Has("moving"))
    to.moving = to.rank;
  return to.moving <= to.rank && (!from.Has("rank") || to.rank > 0) && (!from.Has("stride") || to.stride >= to.columns);
}

napi_typedarray_type array_type(parameter_type type, element_type element) {
  switch (type) {
  case parameter_type::u32:
    return napi_uint32_array;
  case parameter_type::f64:
    return napi_float64_array;
  default:
    return array_type(element);
  }
}

bool read_window(const Napi::Object& from, const parameter& p, element_type element, const sizes& d, window& to) {
  const Napi::Value value = from.Get(p.name);
  if (!value.IsObject())
    return false;
  const Napi::Object view = value.As<Napi::Object>();
  return read_array(view.Get("data"), to.whole) && to.whole.type == array_type(p.type, element) &&
         read_integer(view.Get("offset"), 0, to.offset) && read_integer(view.Get("length"), 0, to.length) &&
         to.length <= to.whole.length && to.offset <= to.whole.length - to.length && p.length(d) <= double(to.length);
}

// Out-of-range indices would make the kernel read anywhere.
bool indices_in_range(const sizes& d, const windows& b) {
  const uint32_t* const indptr = b[0].at<uint32_t>();
  for (int64_t i = 0; i < d.rows; i++) {
    if (indptr[i] > indptr[i + 1])
      return false;
  }
  if (indptr[d.rows] > d.nonzeros)
    return false;
  const uint32_t* const indices = b[1].at<uint32_t>();
  return std::all_of(indices, indices + d.nonzeros, [&](uint32_t j) { return j < d.columns; });
}

#if defined(NONNEG_HAS_CUDA)
status run_on_cuda(const kernel& k, const Napi::Object& dims, const sizes& d, const windows& b) {
  std::vector<std::pair<std::string, int64_t>> named;
  for (const auto& [name, member] : integer_names) {
    if (dims.Has(name))
      named.emplace_back(name, d.*member);
  }
  std::vector<cuda_kernel_buffer> buffers;
  for (size_t i = 0; i < b.size(); i++) {
    const window& w = b[i];
    buffers.push_back(
        {k.parameters[i].name, w.whole.data, w.whole.length * w.whole.element_bytes(), w.offset, w.length});
  }
  return run_cuda_kernel(k.name, named, buffers);
}
#endif

template<class T>
status run_with(const nonneg_kernels<T>& table, kernel_body<T> body, const kernel& k, const sizes& d,
                const windows& b) {
  buffer<T> scratch;
  if (double(d.rank) > 1e12 || !scratch.allocate(k.scratch(d)))
    return {status_code::memory, "no memory for a kernel's scratch"};
  const flush_denormals flush;
  body(table, d, b, scratch.get());
  return {};
}

status run_on_cpu(const std::string& name, element_type element, const kernel& k, const sizes& d, const windows& b) {
  std::string reason;
  const nonneg_isa* const isa = find_isa(name, reason);
  if (!isa)
    return {status_code::backend, reason};
  if (element == element_type::f32)
    return run_with(isa->f32, k.f32, k, d, b);
  return run_with(isa->f64, k.f64, k, d, b);
}

} // namespace

std::vector<std::string> kernel_names(element_type element) {
  std::vector<std::string> names;
  for (const kernel& k : kernel_list()) {
    if (element == element_type::f32 || k.f64)
      names.push_back(k.name);
  }
  return names;
}

Napi::Value run_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  element_type element = element_type::f32;
  if (!info[0].IsString() || !info[1].IsString() || !info[2].IsString() || !info[3].IsObject() || !info[4].IsObject() ||
      (!info[5].IsUndefined() && !read_element_type(info[5], element))) {
    return refuse(env, option_error,
                  "runKernel takes a device, an instruction set, a name, sizes, buffers and an element type");
  }
  const std::string device = info[0].As<Napi::String>(), isa = info[1].As<Napi::String>();
  const std::string name = info[2].As<Napi::String>();
  const Napi::Object dims = info[3].As<Napi::Object>(), buffers = info[4].As<Napi::Object>();
  const auto& all = kernel_list();
  const auto found = std::find_if(all.begin(), all.end(), [&](const kernel& k) { return name == k.name; });
  if (found == all.end())
    return refuse(env, "ERR_NONNEG_UNSUPPORTED", "there is no kernel '" + name + "'");
  if (element == element_type::f64 && (device != "cpu" || !found->f64))
    return refuse(env, "ERR_NONNEG_UNSUPPORTED", "there is no kernel '" + name + "' for float64");
  sizes d;
  if (!read_sizes(dims, d))
    return refuse(env, shape_error, name + ": a size is not a number in its range");
  windows b;
  for (const parameter& p : found->parameters) {
    window w;
    if (!read_window(buffers, p, element, d, w)) {
      return refuse(env, shape_error, name + ": the buffer " + p.name + " is missing, too short or of another type");
    }
    b.push_back(w);
  }
  if (strcmp(found->parameters[0].name, "indptr") == 0 && !indices_in_range(d, b))
    return refuse(env, shape_error, name + ": indptr or indices are out of range");
  status done = {status_code::backend, "this build has no device '" + device + "'"};
  if (device == "cpu")
    done = run_on_cpu(isa, element, *found, d, b);
#if defined(NONNEG_HAS_CUDA)
  if (device == "cuda")
    done = run_on_cuda(*found, dims, d, b);
#endif
  return done.ok() ? env.Undefined() : refuse(env, done);
}

} // namespace nonneg
