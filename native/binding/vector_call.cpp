#include "vector_call.h"

#include "../cpu/memory.h"
#include "../cpu/vector_run.h"
#include "job.h"
#include "values.h"

#include <new>

namespace nonneg {

namespace {

// Entries that are done at once: some ten microseconds, in which a thread would hardly have started.
constexpr int64_t most_at_once = int64_t(1) << 16;

class vector_job final : public job {
 public:
  vector_job(vector_call&& call, double* sums) : call(std::move(call)), sums(sums) {}

 protected:
  status work() override { return run_vectors(call, &cancelled, sums); }
  napi_value value(napi_env) override { return nullptr; }
  void cancel() override { cancelled.store(true); }

 private:
  const vector_call call;
  double* const sums;
  std::atomic<bool> cancelled{false};
};

bool read_float64(Napi::Value value, array& out) {
  return read_array(value, out) && out.type == napi_float64_array;
}

bool read_arrays(Napi::Value value, vector_call& call) {
  if (!value.IsArray())
    return false;
  const Napi::Array list = value.As<Napi::Array>();
  if (int64_t(list.Length()) != call.kernel->arrays)
    return false;
  for (int a = 0; a < call.kernel->arrays; a++) {
    array one;
    if (!read_array(list.Get(uint32_t(a)), one) || one.type != napi_float32_array || one.length < call.length())
      return false;
    call.arrays[a] = static_cast<float*>(one.data);
  }
  return true;
}

// Ascending whole numbers from 0.
bool read_bounds(Napi::Value value, vector_call& call) {
  array bounds;
  if (!read_float64(value, bounds) || bounds.length < 2)
    return false;
  const double* const from = static_cast<const double*>(bounds.data);
  double last = 0;
  for (int64_t k = 0; k < bounds.length; k++) {
    if (!(from[k] >= last && from[k] <= 9007199254740992.0) || (k == 0 && from[k] != 0))
      return false;
    last = from[k];
    call.bounds.push_back(int64_t(from[k]));
  }
  return true;
}

} // namespace

std::vector<std::string> vector_kernel_names() {
  std::vector<std::string> names;
  std::string reason;
  const nonneg_vector_isa* const isa = choose_vectors("", reason);
  for (int i = 0; isa && i < isa->count; i++)
    names.push_back(isa->kernels[i].name);
  return names;
}

Napi::Value run_vector_kernel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t threads = 0;
  if (!info[0].IsString() || !info[1].IsString() || !read_integer(info[2], 1, threads)) {
    return refuse(env, option_error, "runVectors takes an instruction set, a name, a number of threads and arrays");
  }
  std::string reason;
  const nonneg_vector_isa* const isa = choose_vectors(info[0].As<Napi::String>().Utf8Value(), reason);
  if (!isa)
    return refuse(env, backend_error, reason);
  const std::string name = info[1].As<Napi::String>();
  vector_call call;
  call.kernel = find_vector_kernel(*isa, name);
  if (!call.kernel)
    return refuse(env, "ERR_NONNEG_UNSUPPORTED", "there is no vector kernel '" + name + "'");
  constexpr int64_t most_threads = 1024;
  call.threads = int(threads < most_threads ? threads : most_threads);
  if (!read_bounds(info[4], call) || !read_arrays(info[3], call))
    return refuse(env, shape_error, name + ": an array is missing, too short or was detached, or a bound is wrong");
  array scalars, sums;
  if (!read_float64(info[5], scalars) || scalars.length != call.groups() * call.kernel->scalars ||
      !read_float64(info[6], sums) || sums.length != call.groups() * call.kernel->sums) {
    return refuse(env, shape_error, name + ": the scalars or the sums are of another number");
  }
  const double* const values = static_cast<const double*>(scalars.data);
  call.scalars.assign(values, values + scalars.length);
  double* const results = static_cast<double*>(sums.data);
  if (call.length() > most_at_once) {
    std::unique_ptr<job> made(new (std::nothrow) vector_job(std::move(call), results));
    return job::start(env, std::move(made), {info[3], info[6]});
  }
  call.threads = 1;
  const status done = run_vectors(call, nullptr, results);
  return done.ok() ? env.Undefined() : refuse(env, done);
}

Napi::Value advise_huge(const Napi::CallbackInfo& info) {
  array memory;
  if (read_array(info[0], memory))
    advise_huge_pages(memory.data, size_t(memory.length * memory.element_bytes()));
  return info.Env().Undefined();
}

} // namespace nonneg
