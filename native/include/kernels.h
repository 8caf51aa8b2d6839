// The kernels of one instruction set as tables of plain functions, one table per element type. All matrices are
// row-major; `ld*` is the distance between rows in elements. Any size from 0, any rank from 1 and any element alignment
// is allowed; ranks that are multiples of 8 never leave the vector code. Nothing allocates, nothing is thread-local:
// what a kernel needs beyond its operands is a scratch argument. Formulas and sources: ts/kernels/<name>.ts.
#pragma once

#include <stdint.h>

namespace nonneg {

// Rows of the panels that the kernels work in: a multiple of the row counts of every register tile (12, 14 and 6), and
// small enough for a panel of a thousand columns to stay in a level-2 cache.
constexpr int64_t panel_rows = 84;

// The factors of a fit are padded to ranks that are a multiple of this, with components of zeros.
constexpr int64_t rank_multiple = 8;

// Elements of scratch for one call.
constexpr int64_t mu_scratch(int64_t rank) {
  return panel_rows * rank;
}

template<class T> struct nonneg_kernels {
  // N = X Ht: X is rows x columns, Ht columns x rank, N rows x rank.
  void (*xht_dense)(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* Ht, int64_t ldh,
                    T* N, int64_t ldn);

  // A += X' W: X is rows x columns, W rows x rank, A columns x rank.
  void (*xtw_dense)(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* W, int64_t ldw, T* A,
                    int64_t lda);

  // N = X Ht for CSR rows: entries indptr[i] <= p < indptr[i + 1]; indices are in bounds by contract.
  void (*xht_csr)(int64_t rows, int64_t rank, const uint32_t* indptr, const uint32_t* indices, const T* values,
                  const T* Ht, int64_t ldh, T* N, int64_t ldn);

  // G += F' F: F is rows x rank.
  void (*gram)(int64_t rows, int64_t rank, const T* F, int64_t ldf, T* G, int64_t ldg);

  // F = F o N / (F G + l1 + l2 F), in place; 0 where the denominator is 0. `scratch`: mu_scratch(rank) elements.
  void (*mu_update)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                    T l1, T l2, T* scratch);

  // Inner product, in float64.
  double (*dot)(int64_t length, const T* a, const T* b);
};

// What one instruction set has: baseline, avx2, avx512 or neon.
struct nonneg_isa {
  const char* name;
  nonneg_kernels<float> f32;
  nonneg_kernels<double> f64;
};

} // namespace nonneg
