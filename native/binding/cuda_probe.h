#pragma once

#include <napi.h>

namespace nonneg {

// probeCuda(): a promise of { available, emulated, reason, fix, info }. On a thread: a cold driver takes up to a
// second.
Napi::Value probe_cuda_device(const Napi::CallbackInfo& info);

} // namespace nonneg
