#include "cuda_probe.h"

#include "../cuda/cuda.h"
#include "job.h"

namespace nonneg {

namespace {

napi_value text(napi_env env, const std::string& from) {
  napi_value made = nullptr;
  napi_create_string_utf8(env, from.c_str(), NAPI_AUTO_LENGTH, &made);
  return made;
}

napi_value flag(napi_env env, bool from) {
  napi_value made = nullptr;
  napi_get_boolean(env, from, &made);
  return made;
}

class probe_job final : public job {
 protected:
  status work() override {
#if defined(NONNEG_HAS_CUDA)
    found = probe_cuda();
#else
    found.reason = "the native addon was built without CUDA";
    found.fix = "npx nonneg build-native";
#endif
    return {};
  }

  napi_value value(napi_env env) override {
    napi_value answer = nullptr, facts = nullptr;
    if (napi_create_object(env, &answer) != napi_ok || napi_create_object(env, &facts) != napi_ok)
      return nullptr;
    for (const auto& [name, fact] : found.info)
      napi_set_named_property(env, facts, name.c_str(), text(env, fact));
    napi_set_named_property(env, answer, "available", flag(env, found.available));
    napi_set_named_property(env, answer, "emulated", flag(env, found.emulated));
    napi_set_named_property(env, answer, "reason", text(env, found.reason));
    napi_set_named_property(env, answer, "fix", text(env, found.fix));
    napi_set_named_property(env, answer, "info", facts);
    return answer;
  }

  // The driver cannot be interrupted while it starts.
  void cancel() override {}

 private:
  cuda_probe found;
};

} // namespace

Napi::Value probe_cuda_device(const Napi::CallbackInfo& info) {
  return job::start(info.Env(), std::make_unique<probe_job>(), {});
}

} // namespace nonneg
