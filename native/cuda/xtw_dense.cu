// A = Xᵀ·W. Grid: the blocks of the Gram matrix beside it, then column tiles × rank tiles × splits of the rows. With
// more than one split, split s writes its share to out + s · columns · rank; whoever reads A adds the shares.
#include "gram.cuh"

template<int WIDTH>
__device__ __forceinline__ void xtw_dense(const float* __restrict__ X, const float* __restrict__ W, float* out,
                                          i64 rows, i64 columns, int rank, i64 stride, i64 split,
                                          const gram_task& beside, tile_memory& memory) {
  if (blockIdx.x < beside.blocks) {
    gram_block<32>(beside, blockIdx.x, memory);
    return;
  }
  using shape = tile_shape<WIDTH>;
  const unsigned block = blockIdx.x - beside.blocks;
  const unsigned tall_tiles = (columns + TILE_TALL - 1) / TILE_TALL;
  const unsigned rank_tiles = (rank + WIDTH - 1) / WIDTH;
  const i64 column_first = static_cast<i64>(block % tall_tiles) * TILE_TALL;
  const int rank_first = block / tall_tiles % rank_tiles * WIDTH;
  const unsigned part = block / tall_tiles / rank_tiles;
  const i64 begin = part * split;
  const i64 end = begin + split < rows ? begin + split : rows;
  columns_stage left(X, stride, column_first, columns, begin, end);
  right_stage<WIDTH> right(W, rank_first, rank, end);
  float sums[shape::each][shape::wide];
  multiply_tile<WIDTH>(left, right, begin, end, memory, sums);
  out += part * columns * rank;
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
    const i64 column = column_first + tile_row<WIDTH>(i);
#pragma unroll
    for (int q = 0; q < shape::wide; q++) {
      const int r = rank_first + tile_column<WIDTH>(q);
      if (column < columns && r < rank)
        out[column * rank + r] = sums[i][q];
    }
  }
}

#define XTW_DENSE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS, tile_shape<WIDTH>::blocks)                                \
      xtw_dense_##WIDTH(const float* X, const float* W, float* out, i64 rows, i64 columns, int rank, i64 stride,       \
                        i64 split, gram_task beside) {                                                                 \
    __shared__ tile_memory memory;                                                                                     \
    xtw_dense<WIDTH>(X, W, out, rows, columns, rank, stride, split, beside, memory);                                   \
  }

XTW_DENSE(16)
XTW_DENSE(32)
XTW_DENSE(64)
