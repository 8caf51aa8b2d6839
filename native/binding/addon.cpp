// What the addon exports: facts, the class of fits, and single kernels.
#include "../cpu/dispatch.h"
#include "../cpu/memory.h"
#include "cuda_probe.h"
#include "fit_object.h"
#include "kernel_call.h"
#include "pin.h"
#include "vector_call.h"

#include <napi.h>

namespace nonneg {

namespace {

// Raised whenever what JavaScript calls here changes; ts/backends/native/addon.ts expects the same number.
constexpr int addon_abi = 8;

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "gcc " __VERSION__;
#endif

#if defined(NONNEG_HAS_CUDA)
constexpr bool has_cuda = true;
#else
constexpr bool has_cuda = false;
#endif

// chooseIsa(name): { isa } or { reason }; the fastest for an empty name.
Napi::Value choose_isa(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object answer = Napi::Object::New(env);
  const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : std::string();
  std::string reason;
  const nonneg_isa* const chosen = find_isa(name, reason);
  if (chosen) {
    answer.Set("isa", chosen->name);
  } else {
    answer.Set("reason", reason);
  }
  return answer;
}

// memoryLimit(): bytes that the process may take; 0 where that is not known.
Napi::Value limit_of_memory(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), double(memory_limit()));
}

Napi::Array list(Napi::Env env, const std::vector<std::string>& names) {
  const Napi::Array array = Napi::Array::New(env);
  for (const std::string& name : names)
    array.Set(array.Length(), name);
  return array;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  pin_library();
  std::vector<std::string> isas;
  for (const nonneg_isa* isa : usable_isas())
    isas.push_back(isa->name);
  exports.Set("abi", addon_abi);
  exports.Set("isas", list(env, isas));
  exports.Set("kernels", list(env, kernel_names(element_type::f32)));
  exports.Set("kernels64", list(env, kernel_names(element_type::f64)));
  exports.Set("compiler", compiler);
  exports.Set("hasCuda", has_cuda);
  exports.Set("chooseIsa", Napi::Function::New<choose_isa>(env, "chooseIsa"));
  exports.Set("probeCuda", Napi::Function::New<probe_cuda_device>(env, "probeCuda"));
  exports.Set("runKernel", Napi::Function::New<run_kernel>(env, "runKernel"));
  exports.Set("vectorKernels", list(env, vector_kernel_names()));
  exports.Set("runVectors", Napi::Function::New<run_vector_kernel>(env, "runVectors"));
  exports.Set("adviseHuge", Napi::Function::New<advise_huge>(env, "adviseHuge"));
  exports.Set("memoryLimit", Napi::Function::New<limit_of_memory>(env, "memoryLimit"));
  exports.Set("fitMemory", Napi::Function::New<fit_memory>(env, "fitMemory"));
  exports.Set("NativeFit", fit_object::define(env));
  return exports;
}

} // namespace

} // namespace nonneg

// NODE_API_MODULE wants a plain name
static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  return nonneg::initialise(env, exports);
}

NODE_API_MODULE(nonneg, initialise)
