// N = X·Hᵀ for CSR rows; on the transpose's CSR, Xᵀ·W. A team of `team` threads shares a row: groups of `lanes` threads
// take every so-many-th entry, each thread with four columns of the rank, and the groups' sums are added in order. Rows
// too long for a team smaller than the block are then taken by the whole block, as its one team: which way a row goes
// depends on its length and on the shape alone. Grid: the blocks of the Gram matrix
// beside it and of the teams × tiles of 4 · lanes columns.
#include "gram.cuh"

constexpr int CSR_THREADS = 128;
constexpr i64 CSR_LONG = 512;

// The entries begin, begin + step, … below `end` of a row of X times their rows of Hᵀ, columns r to r + 3.
template<bool VECTOR>
__device__ __forceinline__ void sum_entries(const unsigned* __restrict__ indices, const float* __restrict__ values,
                                            const float* __restrict__ Ht, i64 begin, i64 end, int step, int rank, int r,
                                            float (&sums)[4]) {
#pragma unroll 8
  for (i64 p = begin; p < end; p += step) {
    const float value = values[p];
    const float* at = Ht + static_cast<i64>(indices[p]) * rank + r;
    float factors[4] = {};
    if (VECTOR) {
      read_four(factors, at);
    } else {
#pragma unroll
      for (int q = 0; q < 4; q++)
        factors[q] = r + q < rank ? at[q] : 0.0f;
    }
#pragma unroll
    for (int q = 0; q < 4; q++)
      sums[q] += value * factors[q];
  }
}

// One row by `team` threads, of which this is number `thread`. Every thread of the block must come here; `busy` says
// whether its team has a row.
__device__ __forceinline__ void sum_row(const unsigned* __restrict__ indices, const float* __restrict__ values,
                                        const float* __restrict__ Ht, float* N, i64 row, i64 begin, i64 end, bool busy,
                                        int rank, int lanes, int team, int thread, float* sums) {
  const int groups = team / lanes;
  const int group = thread / lanes;
  const int r_first = blockIdx.y * lanes * 4;
  const int column = thread % lanes * 4;
  if (busy && group < groups) {
    float own[4] = {};
    const int r = r_first + column;
    if (rank % 4 == 0 && reinterpret_cast<unsigned long long>(Ht) % 16 == 0 && r < rank)
      sum_entries<true>(indices, values, Ht, begin + group, end, groups, rank, r, own);
    else
      sum_entries<false>(indices, values, Ht, begin + group, end, groups, rank, r, own);
#pragma unroll
    for (int q = 0; q < 4; q++)
      sums[(group * lanes * 4) + column + q] = own[q];
  }
  __syncthreads();
  for (int c = thread; busy && c < lanes * 4 && r_first + c < rank; c += team) {
    float sum = 0.0f;
    for (int g = 0; g < groups; g++)
      sum += sums[g * lanes * 4 + c];
    N[row * rank + r_first + c] = sum;
  }
  __syncthreads();
}

extern "C" __global__ void __launch_bounds__(CSR_THREADS)
    xht_csr(const unsigned* __restrict__ indptr, const unsigned* __restrict__ indices, const float* __restrict__ values,
            const float* __restrict__ Ht, float* N, i64 rows, int rank, int lanes, int team, gram_task beside) {
  // little, as what is not shared memory is cache, and keeps the gathered rows
  __shared__ gram_memory<16> memory;
  static_assert(sizeof(memory.left) >= CSR_THREADS * 4 * sizeof(float), "sums of four columns fit");
  if (blockIdx.x < beside.blocks) {
    if (blockIdx.y == 0)
      gram_block<16>(beside, blockIdx.x, memory);
    return;
  }
  float* sums = memory.left[0];
  const int teams = CSR_THREADS / team;
  const i64 row_first = static_cast<i64>(blockIdx.x - beside.blocks) * teams;
  const int number = threadIdx.x / team;
  const i64 own = row_first + number;
  const i64 begin = own < rows ? indptr[own] : 0;
  const i64 end = own < rows ? indptr[own + 1] : 0;
  const bool busy = own < rows && (teams == 1 || end - begin <= CSR_LONG);
  sum_row(indices, values, Ht, N, own, begin, end, busy, rank, lanes, team, threadIdx.x % team,
          sums + number * team * 4);
  for (i64 row = row_first; teams > 1 && row < row_first + teams && row < rows; row++) {
    const i64 first = indptr[row];
    const i64 last = indptr[row + 1];
    if (last - first > CSR_LONG)
      sum_row(indices, values, Ht, N, row, first, last, true, rank, lanes, CSR_THREADS, threadIdx.x, sums);
  }
}
