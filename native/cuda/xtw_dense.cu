// A = Xᵀ·W, or A += Xᵀ·W. Grid: column tiles × rank tiles × splits of the rows. With more than one split, split s
// writes its share to out + s · columns · rank (accumulate = 0), and add_splits adds the shares.
#include "tile.cuh"

template<int WIDTH>
__device__ __forceinline__ void xtw_dense(const float* X, const float* W, float* out, i64 rows, i64 columns, int rank,
                                          i64 stride, i64 split, int accumulate, float* staged_left,
                                          float* staged_right) {
  using shape = tile_shape<WIDTH>;
  const i64 column_first = static_cast<i64>(blockIdx.x) * TILE_TALL;
  const int rank_first = blockIdx.y * WIDTH;
  const i64 begin = blockIdx.z * split;
  const i64 end = begin + split < rows ? begin + split : rows;
  float sums[shape::each][4];
  columns_tile<WIDTH>(X, stride, column_first, columns, W, rank_first, rank, begin, end, staged_left, staged_right,
                      sums);
  out += blockIdx.z * columns * rank;
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
    const i64 column = column_first + tile_column<WIDTH>(i);
#pragma unroll
    for (int q = 0; q < 4; q++) {
      const int r = rank_first + 4 * (threadIdx.x % shape::across) + q;
      if (column < columns && r < rank) {
        const i64 at = column * rank + r;
        out[at] = accumulate ? out[at] + sums[i][q] : sums[i][q];
      }
    }
  }
}

#define XTW_DENSE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(tile_shape<WIDTH>::threads, tile_shape<WIDTH>::blocks)                  \
      xtw_dense_##WIDTH(const float* X, const float* W, float* out, i64 rows, i64 columns, int rank, i64 stride,       \
                        i64 split, int accumulate) {                                                                   \
    __shared__ __align__(16) float staged_left[TILE_DEPTH * TILE_TALL];                                                \
    __shared__ __align__(16) float staged_right[TILE_DEPTH * WIDTH];                                                   \
    xtw_dense<WIDTH>(X, W, out, rows, columns, rank, stride, split, accumulate, staged_left, staged_right);            \
  }

XTW_DENSE(16)
XTW_DENSE(32)
XTW_DENSE(64)
