#pragma once

#include "../include/fit.h"

#include <napi.h>

#include <string>
#include <vector>

namespace nonneg {

// runKernel(device, isa, name, dims, buffers, dtype = 'f32'): one kernel on host memory, synchronously, for conformance
// tests and benchmarks. The buffers are views { data, offset, length } of larger arrays; kernels of the CPU work in
// place.
Napi::Value run_kernel(const Napi::CallbackInfo& info);

// What run_kernel knows for this element type; a device may have fewer.
std::vector<std::string> kernel_names(element_type element);

} // namespace nonneg
