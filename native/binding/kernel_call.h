#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace nonneg {

// runKernel(device, isa, name, dims, buffers): one kernel on host memory, synchronously, for conformance tests and
// benchmarks. The buffers are views { data, offset, length } of larger arrays; kernels of the CPU work in place.
Napi::Value run_kernel(const Napi::CallbackInfo& info);

// What run_kernel knows; a device may have fewer.
std::vector<std::string> kernel_names();

} // namespace nonneg
