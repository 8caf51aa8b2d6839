// The kernels' own source, compiled as C++.
#include "emulated_kernels.h"

#include "../cuda/kernel_list.h"
#include "../cuda/kernels.cu"

#include <cstring>

namespace emu {

entry find_kernel(const char* name) {
#define KERNEL(id) {#id, unpacked<id>::call},
  static const named_entry entries[] = {NONNEG_CUDA_KERNELS(KERNEL)};
#undef KERNEL
  for (const named_entry& candidate : entries) {
    if (std::strcmp(candidate.name, name) == 0)
      return candidate.kernel;
  }
  return nullptr;
}

} // namespace emu
