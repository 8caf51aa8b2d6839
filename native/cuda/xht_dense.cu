// N = X·Hᵀ. Grid: the blocks of the Gram matrix beside it, then row tiles × rank tiles × splits of the columns. With
// more than one split, split s writes its share to out + s · rows · rank; whoever reads N adds the shares.
#include "gram.cuh"

template<int WIDTH>
__device__ __forceinline__ void xht_dense(const float* __restrict__ X, const float* __restrict__ Ht, float* out,
                                          i64 rows, i64 columns, int rank, i64 stride, i64 split,
                                          const gram_task& beside, tile_memory& memory) {
  if (blockIdx.x < beside.blocks) {
    gram_block<32>(beside, blockIdx.x, memory);
    return;
  }
  using shape = tile_shape<WIDTH>;
  const unsigned block = blockIdx.x - beside.blocks;
  const unsigned tall_tiles = (rows + TILE_TALL - 1) / TILE_TALL;
  const unsigned rank_tiles = (rank + WIDTH - 1) / WIDTH;
  const i64 row_first = static_cast<i64>(block % tall_tiles) * TILE_TALL;
  const int rank_first = block / tall_tiles % rank_tiles * WIDTH;
  const unsigned part = block / tall_tiles / rank_tiles;
  const i64 begin = part * split;
  const i64 end = begin + split < columns ? begin + split : columns;
  rows_stage left(X, stride, row_first, rows, end);
  right_stage<WIDTH> right(Ht, rank_first, rank, end);
  float sums[shape::each][shape::wide];
  multiply_tile<WIDTH>(left, right, begin, end, memory, sums);
  out += part * rows * rank;
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
    const i64 row = row_first + tile_row<WIDTH>(i);
#pragma unroll
    for (int q = 0; q < shape::wide; q++) {
      const int r = rank_first + tile_column<WIDTH>(q);
      if (row < rows && r < rank)
        out[row * rank + r] = sums[i][q];
    }
  }
}

#define XHT_DENSE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS, tile_shape<WIDTH>::blocks)                                \
      xht_dense_##WIDTH(const float* X, const float* Ht, float* out, i64 rows, i64 columns, int rank, i64 stride,      \
                        i64 split, gram_task beside) {                                                                 \
    __shared__ tile_memory memory;                                                                                     \
    xht_dense<WIDTH>(X, Ht, out, rows, columns, rank, stride, split, beside, memory);                                  \
  }

XHT_DENSE(16)
XHT_DENSE(32)
XHT_DENSE(64)
