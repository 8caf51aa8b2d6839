#pragma once

#include <napi.h>

namespace nonneg {

// runKernel(device, isa, name, dims, buffers): one kernel on host memory, synchronously, for conformance tests and
// benchmarks. The buffers are views { data, offset, length } of larger arrays; kernels of the CPU work in place.
Napi::Value run_kernel(const Napi::CallbackInfo& info);

} // namespace nonneg
