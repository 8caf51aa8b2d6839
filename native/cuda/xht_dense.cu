// N = X·Hᵀ. Grid: row tiles × rank tiles × splits of the columns. With more than one split, split s writes its share to
// out + s · rows · rank, and add_splits adds the shares.
#include "tile.cuh"

template<int WIDTH>
__device__ __forceinline__ void xht_dense(const float* X, const float* Ht, float* out, i64 rows, i64 columns, int rank,
                                          i64 stride, i64 split, float* staged_left, float* staged_right) {
  using shape = tile_shape<WIDTH>;
  const i64 row_first = static_cast<i64>(blockIdx.x) * TILE_TALL;
  const int rank_first = blockIdx.y * WIDTH;
  const i64 begin = blockIdx.z * split;
  const i64 end = begin + split < columns ? begin + split : columns;
  float sums[shape::each][4];
  rows_tile<WIDTH>(X, stride, row_first, rows, Ht, rank_first, rank, begin, end, staged_left, staged_right, sums);
  out += blockIdx.z * rows * rank;
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
    const i64 row = row_first + threadIdx.x / shape::across + i * shape::down;
#pragma unroll
    for (int q = 0; q < 4; q++) {
      const int r = rank_first + 4 * (threadIdx.x % shape::across) + q;
      if (row < rows && r < rank)
        out[row * rank + r] = sums[i][q];
    }
  }
}

#define XHT_DENSE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(tile_shape<WIDTH>::threads, tile_shape<WIDTH>::blocks)                  \
      xht_dense_##WIDTH(const float* X, const float* Ht, float* out, i64 rows, i64 columns, int rank, i64 stride,      \
                        i64 split) {                                                                                   \
    __shared__ __align__(16) float staged_left[TILE_TALL * TILE_PITCH];                                                \
    __shared__ __align__(16) float staged_right[TILE_DEPTH * WIDTH];                                                   \
    xht_dense<WIDTH>(X, Ht, out, rows, columns, rank, stride, split, staged_left, staged_right);                       \
  }

XHT_DENSE(16)
XHT_DENSE(32)
XHT_DENSE(64)
