// The kernels of the optimizers as one table per instruction set. All have one signature: arrays and scalars in the
// order of the spec in ts/kernels/<name>.ts, where formulas and sources are. Arrays may have any float alignment and
// may be the same array; entry i of an array depends on entry i of the arrays alone.
#pragma once

#include <stdint.h>

namespace nonneg {

struct nonneg_vector_kernel {
  const char* name;
  int32_t arrays;
  int32_t scalars;
  int32_t sums;
  // Works on `count` entries and writes its sums over them.
  void (*run)(int64_t count, float* const* arrays, const double* scalars, double* sums);
};

constexpr int most_vector_arrays = 5;
constexpr int most_vector_sums = 3;

struct nonneg_vector_isa {
  const char* name; // baseline, avx2, avx512 or neon
  int32_t count;
  const nonneg_vector_kernel* kernels;
};

} // namespace nonneg
