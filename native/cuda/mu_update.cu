// out = F / (F·G) ∘ N, positive results at least 2⁻⁶³. Grid: row tiles × rank tiles. Blocks read whole rows of F, so
// `out` must not be F; it may be N, of which every entry is read only by the thread that writes it.
#include "tile.cuh"

template<int WIDTH>
__device__ __forceinline__ void mu_update(const float* F, const float* N, const float* G, float* out, i64 rows,
                                          int rank, float* staged_left, float* staged_right) {
  using shape = tile_shape<WIDTH>;
  constexpr float smallest = 1.08420217e-19f; // 2⁻⁶³: two entries above it have a normal product
  const i64 row_first = static_cast<i64>(blockIdx.x) * TILE_TALL;
  const int rank_first = blockIdx.y * WIDTH;
  float sums[shape::each][4];
  rows_tile<WIDTH>(F, rank, row_first, rows, G, rank_first, rank, 0, rank, staged_left, staged_right, sums);
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
    const i64 row = row_first + threadIdx.x / shape::across + i * shape::down;
#pragma unroll
    for (int q = 0; q < 4; q++) {
      const int r = rank_first + 4 * (threadIdx.x % shape::across) + q;
      if (row >= rows || r >= rank)
        continue;
      const i64 at = row * rank + r;
      // that a result is positive its operands say, as it may itself round to zero
      const bool positive = sums[i][q] > 0.0f && F[at] > 0.0f && N[at] > 0.0f;
      const float updated = positive ? F[at] / sums[i][q] * N[at] : 0.0f;
      out[at] = positive && updated < smallest ? smallest : updated;
    }
  }
}

#define MU_UPDATE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(tile_shape<WIDTH>::threads, tile_shape<WIDTH>::blocks)                  \
      mu_update_##WIDTH(const float* F, const float* N, const float* G, float* out, i64 rows, int rank) {              \
    __shared__ __align__(16) float staged_left[TILE_TALL * TILE_PITCH];                                                \
    __shared__ __align__(16) float staged_right[TILE_DEPTH * WIDTH];                                                   \
    mu_update<WIDTH>(F, N, G, out, rows, rank, staged_left, staged_right);                                             \
  }

MU_UPDATE(16)
MU_UPDATE(32)
MU_UPDATE(64)
