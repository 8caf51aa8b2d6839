#include "dispatch.h"

extern "C" {
#if defined(NONNEG_HAS_NEON)
extern const nonneg_kernels nonneg_kernels_neon;
#else
extern const nonneg_kernels nonneg_kernels_baseline;
#endif
#if defined(NONNEG_HAS_AVX)
extern const nonneg_kernels nonneg_kernels_avx2;
extern const nonneg_kernels nonneg_kernels_avx512;
#endif
}

namespace nonneg {

std::vector<const nonneg_kernels*> usable_kernels() {
  std::vector<const nonneg_kernels*> tables;
#if defined(NONNEG_HAS_NEON)
  tables.push_back(&nonneg_kernels_neon);
#else
  tables.push_back(&nonneg_kernels_baseline);
#endif
#if defined(NONNEG_HAS_AVX)
  // these also ask whether the operating system saves the registers
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables.push_back(&nonneg_kernels_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw")) {
      tables.push_back(&nonneg_kernels_avx512);
    }
  }
#endif
  return tables;
}

const nonneg_kernels* choose_kernels(const std::string& name, std::string& reason) {
  const std::vector<const nonneg_kernels*> tables = usable_kernels();
  if (name.empty())
    return tables.back();
  std::string names;
  for (const nonneg_kernels* table : tables) {
    if (name == table->name)
      return table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  const bool known = name == "baseline" || name == "avx2" || name == "avx512" || name == "neon";
  reason = known ? "the instruction set " + name + " is not available here: this machine runs " + names
                 : "unknown instruction set '" + name + "': this machine runs " + names;
  return nullptr;
}

} // namespace nonneg
