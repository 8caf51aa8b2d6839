// The CUDA device as the addon sees it. CUDA's driver library is opened at run time; nothing here needs CUDA's headers,
// and every call answers with a status where the library, a device or the kernels are missing.
#pragma once

#include "../include/fit.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nonneg {

struct cuda_probe {
  bool available = false;
  bool emulated = false; // the library is this package's own emulation on the CPU: right or wrong, never fast
  std::string reason;    // one sentence, where not available
  std::string fix;       // one sentence or command, where not available
  std::vector<std::pair<std::string, std::string>> info;
};

// Opens the driver, the device and the kernels once per process; later calls return what the first one found. The first
// call takes up to a second on a cold driver, so it belongs on a job thread.
cuda_probe probe_cuda();

// Null with a status where the device is missing or its memory does not suffice. Everything the fit will need is
// allocated here, so that a run cannot fail for memory.
std::unique_ptr<fit> make_cuda_fit(const fit_shape& shape, status& result);

// One buffer of a kernel call on host memory. `data` is the whole allocation including guard zones; the kernel sees
// `length` elements from element `offset`. The element size follows from the kernel's parameter.
struct cuda_kernel_buffer {
  std::string name;
  void* data = nullptr;
  int64_t bytes = 0; // of the whole allocation
  int64_t offset = 0;
  int64_t length = 0;
};

// Copies each buffer's whole allocation to the device, runs the kernel of that name there, and copies all of it back,
// so that writes outside the windows are seen. Blocks. Unknown kernel: status unsupported.
status run_cuda_kernel(const std::string& name, const std::vector<std::pair<std::string, int64_t>>& dims,
                       const std::vector<cuda_kernel_buffer>& buffers);

} // namespace nonneg
