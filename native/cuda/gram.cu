// G = Fᵀ·F, or G += Fᵀ·F. Grid: rank tiles × rank tiles × splits of the rows; 256 threads, each with a square of
// WIDTH / 16 entries a side. G is symmetric: tiles below the diagonal are written by their mirror images. With more
// than one split, split s writes its share to out + s · rank · rank (accumulate = 0), and add_splits adds the shares.
#include "tile.cuh"

constexpr int GRAM_SIDE = 16;
constexpr int GRAM_THREADS = GRAM_SIDE * GRAM_SIDE;

template<int WIDTH>
__device__ __forceinline__ void gram(const float* __restrict__ F, float* out, i64 rows, int rank, i64 split,
                                     int accumulate, float* staged_left, float* staged_right) {
  if (blockIdx.x > blockIdx.y)
    return;
  constexpr int each = WIDTH / GRAM_SIDE;
  const int left_first = blockIdx.x * WIDTH;
  const int right_first = blockIdx.y * WIDTH;
  const int x = threadIdx.x % GRAM_SIDE;
  const int y = threadIdx.x / GRAM_SIDE;
  const i64 begin = blockIdx.z * split;
  const i64 end = begin + split < rows ? begin + split : rows;
  float sums[each][each] = {};
  for (i64 step = begin; step < end; step += TILE_DEPTH) {
#pragma unroll
    for (int place = threadIdx.x; place < TILE_DEPTH * WIDTH; place += GRAM_THREADS) {
      const i64 row = step + place / WIDTH;
      const int left = left_first + place % WIDTH;
      const int right = right_first + place % WIDTH;
      staged_left[place] = row < end && left < rank ? F[row * rank + left] : 0.0f;
      staged_right[place] = row < end && right < rank ? F[row * rank + right] : 0.0f;
    }
    __syncthreads();
#pragma unroll 8
    for (int k = 0; k < TILE_DEPTH; k++) {
      float factors[each];
#pragma unroll
      for (int i = 0; i < each; i++)
        factors[i] = staged_left[k * WIDTH + y + i * GRAM_SIDE];
#pragma unroll
      for (int q = 0; q < each; q++) {
        const float value = staged_right[k * WIDTH + x + q * GRAM_SIDE];
#pragma unroll
        for (int i = 0; i < each; i++)
          sums[i][q] += factors[i] * value;
      }
    }
    __syncthreads();
  }
  out += static_cast<i64>(blockIdx.z) * rank * rank;
#pragma unroll
  for (int i = 0; i < each; i++) {
#pragma unroll
    for (int q = 0; q < each; q++) {
      const int r = left_first + y + i * GRAM_SIDE;
      const int s = right_first + x + q * GRAM_SIDE;
      if (r >= rank || s >= rank)
        continue;
      const i64 at = static_cast<i64>(r) * rank + s;
      const i64 mirrored = static_cast<i64>(s) * rank + r;
      out[at] = accumulate ? out[at] + sums[i][q] : sums[i][q];
      if (blockIdx.x != blockIdx.y)
        out[mirrored] = accumulate ? out[mirrored] + sums[i][q] : sums[i][q];
    }
  }
}

#define GRAM(WIDTH)                                                                                                    \
  extern "C" __global__ void __launch_bounds__(GRAM_THREADS)                                                           \
      gram_##WIDTH(const float* F, float* out, i64 rows, int rank, i64 split, int accumulate) {                        \
    __shared__ float staged_left[TILE_DEPTH * WIDTH];                                                                  \
    __shared__ float staged_right[TILE_DEPTH * WIDTH];                                                                 \
    gram<WIDTH>(F, out, rows, rank, split, accumulate, staged_left, staged_right);                                     \
  }

GRAM(16)
GRAM(32)
GRAM(64)
