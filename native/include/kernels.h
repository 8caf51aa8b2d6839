/*
 * The kernels of one instruction set as a plain C table. All matrices are float32 and row-major; `ld*` is the distance
 * between rows in elements. Any size from 0, any rank from 1 and any element alignment is allowed; ranks that are
 * multiples of 8 never leave the vector code. Nothing allocates, nothing is thread-local: what a kernel needs beyond
 * its operands is a scratch argument. Formulas and sources: ts/kernels/<name>.ts.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NONNEG_KERNELS_ABI 1u

/*
 * Rows of the panels that the kernels work in: a multiple of the row counts of every register tile (12, 14 and 6), and
 * small enough for a panel of a thousand columns to stay in a level-2 cache.
 */
#define NONNEG_PANEL 84

/* Floats of scratch for one call. */
#define NONNEG_MU_SCRATCH(rank) (NONNEG_PANEL * (rank))
#define NONNEG_SWEEP_SCRATCH(rank) (2 * NONNEG_PANEL * (rank))

struct nonneg_kernels {
  uint32_t abi;
  const char* name; /* baseline, avx2, avx512 or neon */
  int32_t lanes;    /* floats in a vector */

  /* N = X Ht: X is rows x columns, Ht columns x rank, N rows x rank. */
  void (*xht_dense)(int64_t rows, int64_t columns, int64_t rank, const float* X, int64_t ldx, const float* Ht,
                    int64_t ldh, float* N, int64_t ldn);

  /* A += X' W: X is rows x columns, W rows x rank, A columns x rank. */
  void (*xtw_dense)(int64_t rows, int64_t columns, int64_t rank, const float* X, int64_t ldx, const float* W,
                    int64_t ldw, float* A, int64_t lda);

  /* N = X Ht for CSR rows: entries indptr[i] <= p < indptr[i + 1]; indices are in bounds by contract. */
  void (*xht_csr)(int64_t rows, int64_t rank, const uint32_t* indptr, const uint32_t* indices, const float* values,
                  const float* Ht, int64_t ldh, float* N, int64_t ldn);

  /* G += F' F: F is rows x rank. */
  void (*gram)(int64_t rows, int64_t rank, const float* F, int64_t ldf, float* G, int64_t ldg);

  /* F = F o N / (F G), in place; 0 where the denominator is 0. `scratch`: NONNEG_MU_SCRATCH(rank) floats. */
  void (*mu_update)(int64_t rows, int64_t rank, float* F, int64_t ldf, const float* N, int64_t ldn, const float* G,
                    int64_t ldg, float* scratch);

  /* Inner product, in float64. */
  double (*dot)(int64_t length, const float* a, const float* b);

  /* W = mu_update(W, X Ht, G); A += X' W; S += W' W. `scratch`: NONNEG_SWEEP_SCRATCH(rank) floats. */
  void (*sweep_dense)(int64_t rows, int64_t columns, int64_t rank, const float* X, int64_t ldx, const float* Ht,
                      int64_t ldh, const float* G, int64_t ldg, float* W, int64_t ldw, float* A, int64_t lda, float* S,
                      int64_t lds, float* scratch);
};

#ifdef __cplusplus
}
#endif
