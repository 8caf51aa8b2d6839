// What tests ask of the emulated driver by environment variables, read at every call:
//   NONNEG_EMU_ORDER    order of blocks and threads, see emu.h
//   NONNEG_EMU_MEMORY   bytes of device memory (default 1 GiB)
//   NONNEG_EMU_DEVICES  0: no device
//   NONNEG_EMU_PTX      the newest PTX version that the driver knows (default 99)
//   NONNEG_EMU_FAIL     function=error or function=error@nth: that call fails
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

namespace emu {

inline const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

inline size_t memory_bytes() {
  const char* wanted = setting("NONNEG_EMU_MEMORY");
  return *wanted ? std::strtoull(wanted, nullptr, 10) : size_t{1} << 30;
}

inline double newest_ptx() {
  const char* wanted = setting("NONNEG_EMU_PTX");
  return *wanted ? std::strtod(wanted, nullptr) : 99;
}

inline int device_total() {
  return std::strcmp(setting("NONNEG_EMU_DEVICES"), "0") == 0 ? 0 : 1;
}

// The error that NONNEG_EMU_FAIL plans for this call of the function.
inline int planned(const std::string& function) {
  static std::string counted;
  static int count = 0;
  const std::string plan = setting("NONNEG_EMU_FAIL");
  if (plan != counted) {
    counted = plan;
    count = 0;
  }
  const size_t equals = plan.find('=');
  if (equals == std::string::npos || plan.substr(0, equals) != function)
    return 0;
  const size_t at = plan.find('@');
  count++;
  if (at != std::string::npos && count != std::atoi(plan.c_str() + at + 1))
    return 0;
  return std::atoi(plan.c_str() + equals + 1);
}

} // namespace emu
