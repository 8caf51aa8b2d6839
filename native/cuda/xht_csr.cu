// N = X·Hᵀ for CSR rows; on the transpose's CSR, Xᵀ·W. LANES threads share a row, each with one column of the rank; the
// grid's second dimension covers ranks beyond LANES. Rows with many entries are taken by the whole block, whose groups
// sum every so-many-th entry and add their sums in order: which way a row goes depends on its length alone.
#include "tile.cuh"

constexpr int CSR_THREADS = 256;
constexpr i64 CSR_LONG = 1024;

__device__ __forceinline__ float sum_entries(const unsigned* __restrict__ indices, const float* __restrict__ values,
                                             const float* __restrict__ Ht, i64 first, i64 end, int step, int rank,
                                             int r) {
  float sum = 0.0f;
#pragma unroll 4
  for (i64 p = first; p < end; p += step)
    sum += values[p] * Ht[static_cast<i64>(indices[p]) * rank + r];
  return sum;
}

template<int LANES>
__device__ __forceinline__ void xht_csr(const unsigned* __restrict__ indptr, const unsigned* indices,
                                        const float* values, const float* Ht, float* N, i64 rows, int rank,
                                        float* sums) {
  constexpr int groups = CSR_THREADS / LANES;
  const int lane = threadIdx.x % LANES;
  const int group = threadIdx.x / LANES;
  const int r = blockIdx.y * LANES + lane;
  const i64 row_first = static_cast<i64>(blockIdx.x) * groups;
  const i64 own = row_first + group;
  if (own < rows && r < rank) {
    const i64 begin = indptr[own];
    const i64 end = indptr[own + 1];
    if (end - begin <= CSR_LONG)
      N[own * rank + r] = sum_entries(indices, values, Ht, begin, end, 1, rank, r);
  }
  for (i64 row = row_first; row < row_first + groups && row < rows; row++) {
    const i64 begin = indptr[row];
    const i64 end = indptr[row + 1];
    if (end - begin <= CSR_LONG)
      continue;
    sums[threadIdx.x] = r < rank ? sum_entries(indices, values, Ht, begin + group, end, groups, rank, r) : 0.0f;
    __syncthreads();
    if (group == 0 && r < rank) {
      float sum = 0.0f;
      for (int g = 0; g < groups; g++)
        sum += sums[g * LANES + lane];
      N[row * rank + r] = sum;
    }
    __syncthreads();
  }
}

#define XHT_CSR(LANES)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(CSR_THREADS)                                                            \
      xht_csr_##LANES(const unsigned* indptr, const unsigned* indices, const float* values, const float* Ht, float* N, \
                      i64 rows, int rank) {                                                                            \
    __shared__ float sums[CSR_THREADS];                                                                                \
    xht_csr<LANES>(indptr, indices, values, Ht, N, rows, rank, sums);                                                  \
  }

XHT_CSR(8)
XHT_CSR(16)
XHT_CSR(32)
