#include "kernel_call.h"

#include "../cpu/denormals.h"
#include "../cpu/dispatch.h"
#include "../cpu/memory.h"
#include "values.h"

#if defined(NONNEG_HAS_CUDA)
#include "../cuda/cuda.h"
#endif

#include <algorithm>
#include <string>
#include <vector>

namespace nonneg {

namespace {

// The sizes of a call; those that a kernel does not have are 0.
struct sizes {
  int64_t rows = 0, columns = 0, rank = 0, stride = 0, nonzeros = 0, length = 0;
};

constexpr std::pair<const char*, int64_t sizes::*> size_names[] = {
    {"rows", &sizes::rows},     {"columns", &sizes::columns},   {"rank", &sizes::rank},
    {"stride", &sizes::stride}, {"nonzeros", &sizes::nonzeros}, {"length", &sizes::length},
};

struct parameter {
  const char* name;
  napi_typedarray_type type;
  double (*length)(const sizes&); // a double cannot overflow
};

struct window {
  array whole;
  int64_t offset = 0;
  int64_t length = 0;

  template<class T> T* at() const { return static_cast<T*>(whole.data) + offset; }
  float* f32() const { return at<float>(); }
  uint32_t* u32() const { return at<uint32_t>(); }
};

using windows = std::vector<window>;

struct kernel {
  const char* name;
  std::vector<parameter> parameters;
  int64_t (*scratch)(const sizes&); // floats
  void (*run)(const nonneg_kernels&, const sizes&, const windows&, float* scratch);
};

double panel_of_X(const sizes& d) {
  return d.rows == 0 || d.columns == 0 ? 0 : double(d.rows - 1) * double(d.stride) + double(d.columns);
}
double rows_by_rank(const sizes& d) {
  return double(d.rows) * double(d.rank);
}
double columns_by_rank(const sizes& d) {
  return double(d.columns) * double(d.rank);
}
double rank_squared(const sizes& d) {
  return double(d.rank) * double(d.rank);
}
int64_t no_scratch(const sizes&) {
  return 0;
}

constexpr napi_typedarray_type f32 = napi_float32_array;
constexpr napi_typedarray_type f64 = napi_float64_array;
constexpr napi_typedarray_type u32 = napi_uint32_array;

// The parameters as the specs in ts/kernels name them.
const std::vector<kernel>& all_kernels() {
  static const std::vector<kernel> all = {
      {"xht_dense",
       {{"X", f32, panel_of_X}, {"Ht", f32, columns_by_rank}, {"N", f32, rows_by_rank}},
       no_scratch,
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float*) {
         k.xht_dense(d.rows, d.columns, d.rank, b[0].f32(), d.stride, b[1].f32(), d.rank, b[2].f32(), d.rank);
       }},
      {"xtw_dense",
       {{"X", f32, panel_of_X}, {"W", f32, rows_by_rank}, {"A", f32, columns_by_rank}},
       no_scratch,
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float*) {
         k.xtw_dense(d.rows, d.columns, d.rank, b[0].f32(), d.stride, b[1].f32(), d.rank, b[2].f32(), d.rank);
       }},
      {"xht_csr",
       {{"indptr", u32, [](const sizes& d) { return double(d.rows) + 1; }},
        {"indices", u32, [](const sizes& d) { return double(d.nonzeros); }},
        {"values", f32, [](const sizes& d) { return double(d.nonzeros); }},
        {"Ht", f32, columns_by_rank},
        {"N", f32, rows_by_rank}},
       no_scratch,
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float*) {
         k.xht_csr(d.rows, d.rank, b[0].u32(), b[1].u32(), b[2].f32(), b[3].f32(), d.rank, b[4].f32(), d.rank);
       }},
      {"gram",
       {{"F", f32, rows_by_rank}, {"G", f32, rank_squared}},
       no_scratch,
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float*) {
         k.gram(d.rows, d.rank, b[0].f32(), d.rank, b[1].f32(), d.rank);
       }},
      {"mu_update",
       {{"F", f32, rows_by_rank}, {"N", f32, rows_by_rank}, {"G", f32, rank_squared}},
       [](const sizes& d) { return NONNEG_MU_SCRATCH(d.rank); },
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float* scratch) {
         k.mu_update(d.rows, d.rank, b[0].f32(), d.rank, b[1].f32(), d.rank, b[2].f32(), d.rank, scratch);
       }},
      {"dot",
       {{"a", f32, [](const sizes& d) { return double(d.length); }},
        {"b", f32, [](const sizes& d) { return double(d.length); }},
        {"sum", f64, [](const sizes&) { return 1.0; }}},
       no_scratch,
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float*) {
         *b[2].at<double>() = k.dot(d.length, b[0].f32(), b[1].f32());
       }},
      {"sweep_dense",
       {{"X", f32, panel_of_X},
        {"Ht", f32, columns_by_rank},
        {"G", f32, rank_squared},
        {"W", f32, rows_by_rank},
        {"A", f32, columns_by_rank},
        {"S", f32, rank_squared}},
       [](const sizes& d) { return NONNEG_SWEEP_SCRATCH(d.rank); },
       [](const nonneg_kernels& k, const sizes& d, const windows& b, float* scratch) {
         k.sweep_dense(d.rows, d.columns, d.rank, b[0].f32(), d.stride, b[1].f32(), d.rank, b[2].f32(), d.rank,
                       b[3].f32(), d.rank, b[4].f32(), d.rank, b[5].f32(), d.rank, scratch);
       }},
  };
  return all;
}

bool read_sizes(const Napi::Object& from, sizes& to) {
  for (const auto& [name, member] : size_names) {
    if (from.Has(name) && !read_integer(from.Get(name), 0, to.*member))
      return false;
  }
  return !from.Has("rank") || to.rank > 0;
}

bool read_window(const Napi::Object& from, const parameter& p, const sizes& d, window& to) {
  const Napi::Value value = from.Get(p.name);
  if (!value.IsObject())
    return false;
  const Napi::Object view = value.As<Napi::Object>();
  return read_array(view.Get("data"), to.whole) && to.whole.type == p.type &&
         read_integer(view.Get("offset"), 0, to.offset) && read_integer(view.Get("length"), 0, to.length) &&
         to.length <= to.whole.length && to.offset <= to.whole.length - to.length && p.length(d) <= double(to.length);
}

// Out-of-range indices would make the kernel read anywhere.
bool indices_in_range(const sizes& d, const windows& b) {
  const uint32_t* const indptr = b[0].u32();
  for (int64_t i = 0; i < d.rows; i++) {
    if (indptr[i] > indptr[i + 1])
      return false;
  }
  if (indptr[d.rows] > d.nonzeros)
    return false;
  const uint32_t* const indices = b[1].u32();
  return std::all_of(indices, indices + d.nonzeros, [&](uint32_t j) { return j < d.columns; });
}

#if defined(NONNEG_HAS_CUDA)
status run_on_cuda(const kernel& k, const Napi::Object& dims, const sizes& d, const windows& b) {
  std::vector<std::pair<std::string, int64_t>> named;
  for (const auto& [name, member] : size_names) {
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

status run_on_cpu(const std::string& isa, const kernel& k, const sizes& d, const windows& b) {
  std::string reason;
  const nonneg_kernels* const kernels = choose_kernels(isa, reason);
  if (!kernels)
    return {status_code::backend, reason};
  buffer<float> scratch;
  if (double(NONNEG_SWEEP_SCRATCH(1)) * double(d.rank) > 1e15 || !scratch.allocate(k.scratch(d))) {
    return {status_code::memory, "no memory for a kernel's scratch"};
  }
  const flush_denormals flush;
  k.run(*kernels, d, b, scratch.get());
  return {};
}

} // namespace

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const kernel& k : all_kernels())
    names.push_back(k.name);
  return names;
}

Napi::Value run_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[1].IsString() || !info[2].IsString() || !info[3].IsObject() || !info[4].IsObject()) {
    return refuse(env, option_error, "runKernel takes a device, an instruction set, a name, sizes and buffers");
  }
  const std::string device = info[0].As<Napi::String>(), isa = info[1].As<Napi::String>();
  const std::string name = info[2].As<Napi::String>();
  const Napi::Object dims = info[3].As<Napi::Object>(), buffers = info[4].As<Napi::Object>();
  const auto& all = all_kernels();
  const auto found = std::find_if(all.begin(), all.end(), [&](const kernel& k) { return name == k.name; });
  if (found == all.end())
    return refuse(env, "ERR_NONNEG_UNSUPPORTED", "there is no kernel '" + name + "'");
  sizes d;
  if (!read_sizes(dims, d) || (dims.Has("stride") && d.stride < d.columns)) {
    return refuse(env, shape_error, name + ": a size is not a whole number in its range");
  }
  windows b;
  for (const parameter& p : found->parameters) {
    window w;
    if (!read_window(buffers, p, d, w)) {
      return refuse(env, shape_error, name + ": the buffer " + p.name + " is missing, too short or of another type");
    }
    b.push_back(w);
  }
  if (name == "xht_csr" && !indices_in_range(d, b)) {
    return refuse(env, shape_error, "xht_csr: indptr or indices are out of range");
  }
  status done = {status_code::backend, "this build has no device '" + device + "'"};
  if (device == "cpu")
    done = run_on_cpu(isa, *found, d, b);
#if defined(NONNEG_HAS_CUDA)
  if (device == "cuda")
    done = run_on_cuda(*found, dims, d, b);
#endif
  return done.ok() ? env.Undefined() : refuse(env, done);
}

} // namespace nonneg
