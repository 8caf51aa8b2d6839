// The one CUDA device of the process: its context, the module made from the embedded PTX, and the kernels in it.
#pragma once

#include "cuda.h"
#include "driver.h"
#include "kernel_list.h"

#include <cstdint>
#include <string>

namespace nonneg::cuda {

enum class kernel {
#define NONNEG_ENUMERATOR(name) name,
  NONNEG_CUDA_KERNELS(NONNEG_ENUMERATOR)
#undef NONNEG_ENUMERATOR
      count
};

struct device {
  const driver* api = nullptr;
  context_handle context = nullptr;
  function_handle functions[static_cast<int>(kernel::count)] = {};
  cuda_probe probe;
};

// Opened once per process and never closed: no destructor may call into a driver that is being unloaded at exit. The
// device is NONNEG_CUDA_DEVICE, by default the driver's first. Where probe.available is false, nothing else is set.
const device& open_device();

// Contexts are current per thread; this one for the lifetime of the object.
class context_scope {
 public:
  explicit context_scope(const device& on);
  ~context_scope();
  context_scope(const context_scope&) = delete;
  context_scope& operator=(const context_scope&) = delete;

 private:
  const device& on;
  bool pushed;
};

// `12.3 MiB`
std::string mebibytes(double bytes);

} // namespace nonneg::cuda
