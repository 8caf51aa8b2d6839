// CUDA's driver library, opened at run time.
#pragma once

#include "driver_api.h"

#include "../include/fit.h"

#include <string>

namespace nonneg::cuda {

struct driver {
#define NONNEG_MEMBER(member, name, parameters) result(*member) parameters = nullptr;
  NONNEG_CUDA_DRIVER(NONNEG_MEMBER)
#undef NONNEG_MEMBER

  std::string library;   // as it was opened
  bool emulated = false; // this package's emulation on the CPU

  // `CUDA_ERROR_OUT_OF_MEMORY`, or the number where the library has no name for it.
  std::string name_of(result error) const;
};

// Null with the reason and what mends it. NONNEG_CUDA_LIBRARY names another library; NONNEG_CUDA=emulated means the
// emulation that lies beside the addon where it was built. Opened once per process, never closed.
const driver* open_driver(std::string& reason, std::string& fix);

// memory, device_lost (errors after which the context is of no more use) or backend.
status status_of(const driver& api, result error, const std::string& what);

} // namespace nonneg::cuda
