// One block's part of a gram_task. The tiles are small, 32 × 32, since one block adds all shares of a tile, for which
// updates wait where the product beside it is short.
#pragma once

#include "gram_task.cuh"
#include "tile.cuh"

constexpr int GRAM_SIDE = 32;
constexpr int GRAM_AREA = GRAM_SIDE * GRAM_SIDE;
constexpr int GRAM_ACROSS = GRAM_SIDE / 4;
constexpr int GRAM_EACH = GRAM_AREA / 4 / TILE_THREADS; // rows of a thread, which has four columns

// Where there is no larger tile beside it. DEPTH rows of the factor are staged at once.
template<int DEPTH> struct alignas(16) gram_memory {
  float left[2][DEPTH * GRAM_SIDE];
  float right[2][DEPTH * GRAM_SIDE];
  double sums[TILE_THREADS];
  int last;
};

// True in every thread of the block that is the last of `total` to count itself, and in no other; what all of them
// wrote before is then there to read. The counter is left as it was found.
__device__ __forceinline__ bool is_last(unsigned* counter, unsigned total, int& last) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(counter, 1u) == total - 1;
    if (last)
      *counter = 0;
  }
  __syncthreads();
  __threadfence();
  return last;
}

// The place of entry number `at` of the upper triangle of `side` rows: left ≤ right.
__device__ __forceinline__ void place_of_tile(int at, int side, int& left, int& right) {
  left = 0;
  while (at >= side - left) {
    at -= side - left;
    left++;
  }
  right = left + at;
}

template<int DEPTH, class Memory>
__device__ __forceinline__ void gram_block(const gram_task& task, int block, Memory& memory) {
  const int rank = task.rank;
  const int tile = block / task.splits;
  const int split = block % task.splits;
  const int x = threadIdx.x % GRAM_ACROSS * 4;
  const int y = threadIdx.x / GRAM_ACROSS * GRAM_EACH;
  int left_tile, right_tile;
  place_of_tile(tile, (rank + GRAM_SIDE - 1) / GRAM_SIDE, left_tile, right_tile);
  const i64 begin = split * task.split;
  const i64 end = begin + task.split < task.rows ? begin + task.split : task.rows;

  float sums[GRAM_EACH][4] = {};
  right_stage<GRAM_SIDE, DEPTH> left(task.F, left_tile * GRAM_SIDE, rank, end);
  right_stage<GRAM_SIDE, DEPTH> right(task.F, right_tile * GRAM_SIDE, rank, end);
  in_stages(begin, end, left, right, memory, [&](int half) {
    const float* lefts = memory.left[half] + y;
    const float* rights = memory.right[half] + x;
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      float values[4];
      read_four(values, rights + k * GRAM_SIDE);
#pragma unroll
      for (int i = 0; i < GRAM_EACH; i++) {
        const float factor = lefts[k * GRAM_SIDE + i];
#pragma unroll
        for (int q = 0; q < 4; q++)
          sums[i][q] += factor * values[q];
      }
    }
  });

  // read before anything is written, or each would wait for the one before
  float before[GRAM_EACH][4] = {};
  float others[GRAM_EACH][4] = {};
  auto read_ends = [&] {
#pragma unroll
    for (int i = 0; i < GRAM_EACH; i++) {
#pragma unroll
      for (int q = 0; q < 4; q++) {
        const int r = left_tile * GRAM_SIDE + y + i;
        const int s = right_tile * GRAM_SIDE + x + q;
        const i64 at = static_cast<i64>(r) * rank + s;
        if (task.accumulate && r < rank && s < rank)
          before[i][q] = task.G[at];
        if (task.loss && r < rank && s < rank)
          others[i][q] = task.other[at];
      }
    }
  };
  if (task.splits == 1)
    read_ends();
  else {
    const int own = y * GRAM_SIDE + x;
    float4* shares = reinterpret_cast<float4*>(task.shares + static_cast<i64>(block) * GRAM_AREA + own);
#pragma unroll
    for (int i = 0; i < GRAM_EACH; i++)
      shares[i * GRAM_ACROSS] = float4{sums[i][0], sums[i][1], sums[i][2], sums[i][3]};
    if (!is_last(task.arrived + tile, task.splits, memory.last))
      return;
    read_ends();
    const float4* share =
        reinterpret_cast<const float4*>(task.shares + static_cast<i64>(tile) * task.splits * GRAM_AREA + own);
#pragma unroll
    for (int i = 0; i < GRAM_EACH; i++) {
#pragma unroll
      for (int q = 0; q < 4; q++)
        sums[i][q] = 0.0f;
    }
#pragma unroll 8
    for (int s = 0; s < task.splits; s++, share += GRAM_AREA / 4) {
#pragma unroll
      for (int i = 0; i < GRAM_EACH; i++) {
        // past this multiprocessor's own cache, which may hold older shares
        const float4 one = __ldcg(share + i * GRAM_ACROSS);
        sums[i][0] += one.x;
        sums[i][1] += one.y;
        sums[i][2] += one.z;
        sums[i][3] += one.w;
      }
    }
  }

  double product = 0.0;
#pragma unroll
  for (int i = 0; i < GRAM_EACH; i++) {
#pragma unroll
    for (int q = 0; q < 4; q++) {
      const int r = left_tile * GRAM_SIDE + y + i;
      const int s = right_tile * GRAM_SIDE + x + q;
      if (r >= rank || s >= rank)
        continue;
      task.G[static_cast<i64>(r) * rank + s] = before[i][q] + sums[i][q];
      if (left_tile != right_tile) {
        float* mirrored = task.G + static_cast<i64>(s) * rank + r;
        *mirrored = task.accumulate ? *mirrored + sums[i][q] : sums[i][q];
      }
      product += static_cast<double>(sums[i][q]) * static_cast<double>(others[i][q]);
    }
  }
  if (!task.loss)
    return;
  // a tile beside the diagonal stands for its mirror image too
  product = block_sum<TILE_THREADS>(left_tile == right_tile ? product : 2.0 * product, memory.sums);
  if (threadIdx.x == 0)
    task.tile_products[tile] = product;
  const int tiles = task.blocks / task.splits;
  if (!is_last(task.arrived + tiles, tiles, memory.last))
    return;
  double factors = 0.0;
  double grams = 0.0;
  for (int i = threadIdx.x; i < task.count; i += TILE_THREADS)
    factors += task.products[i];
  for (int i = threadIdx.x; i < tiles; i += TILE_THREADS)
    grams += __ldcg(task.tile_products + i);
  factors = block_sum<TILE_THREADS>(factors, memory.sums);
  grams = block_sum<TILE_THREADS>(grams, memory.sums);
  if (threadIdx.x == 0) {
    task.loss[0] = factors;
    task.loss[1] = grams;
  }
}
