#include "dispatch.h"

namespace nonneg {

extern "C" {
#if defined(NONNEG_HAS_NEON)
extern const nonneg_isa nonneg_isa_neon;
#else
extern const nonneg_isa nonneg_isa_baseline;
#endif
#if defined(NONNEG_HAS_AVX)
extern const nonneg_isa nonneg_isa_avx2;
extern const nonneg_isa nonneg_isa_avx512;
#endif
}

std::vector<const nonneg_isa*> usable_isas() {
  std::vector<const nonneg_isa*> isas;
#if defined(NONNEG_HAS_NEON)
  isas.push_back(&nonneg_isa_neon);
#else
  isas.push_back(&nonneg_isa_baseline);
#endif
#if defined(NONNEG_HAS_AVX)
  // these also ask whether the operating system saves the registers
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    isas.push_back(&nonneg_isa_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw")) {
      isas.push_back(&nonneg_isa_avx512);
    }
  }
#endif
  return isas;
}

const nonneg_isa* find_isa(const std::string& name, std::string& reason) {
  const std::vector<const nonneg_isa*> isas = usable_isas();
  if (name.empty())
    return isas.back();
  std::string names;
  for (const nonneg_isa* isa : isas) {
    if (name == isa->name)
      return isa;
    names += (names.empty() ? "" : ", ") + std::string(isa->name);
  }
  const bool known = name == "baseline" || name == "avx2" || name == "avx512" || name == "neon";
  reason = known ? "the instruction set " + name + " is not available here: this machine runs " + names
                 : "unknown instruction set '" + name + "': this machine runs " + names;
  return nullptr;
}

} // namespace nonneg
