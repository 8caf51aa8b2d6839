// The register tiles of the dense products. A block of 128 threads computes 128 × WIDTH entries; it stages 16 steps of
// the summed index in shared memory, twice: while one half is multiplied, the next steps travel to registers and from
// there to the other half. Only scalar loads touch the operands, so any alignment and any stride will do; consecutive
// threads read consecutive addresses.
#pragma once

using i64 = long long;

constexpr int TILE_THREADS = 128;
constexpr int TILE_TALL = 128;
constexpr int TILE_DEPTH = 16;

// Steps of the staged left tile are this far apart: 16-byte aligned for vector reads, and where sixteen threads write
// sixteen steps of one row, two of them share a bank instead of all.
constexpr int TILE_PITCH = TILE_TALL + 4;

template<int WIDTH> struct tile_shape {
  static constexpr int wide = WIDTH == 64 ? 8 : 4; // columns of a thread
  static constexpr int across = WIDTH / wide;
  static constexpr int down = TILE_THREADS / across;
  static constexpr int each = TILE_TALL / down;      // rows of a thread
  static constexpr int blocks = WIDTH == 64 ? 4 : 6; // on one multiprocessor, for the compiler's choice of registers
};

struct alignas(16) tile_memory {
  float left[2][TILE_DEPTH * TILE_PITCH];
  float right[2][TILE_DEPTH * 64];
  double sums[TILE_THREADS]; // this and the next for a Gram matrix beside the product
  int last;
};

// The rows and columns of a tile that belong to entry (i, q) of a thread's sums: groups of four neighbours, so that
// they are read as vectors, and the groups of neighbouring threads beside each other.
template<int WIDTH> __device__ __forceinline__ int tile_row(int i) {
  using shape = tile_shape<WIDTH>;
  return (i / 4) * shape::down * 4 + (threadIdx.x / shape::across) * 4 + i % 4;
}

template<int WIDTH> __device__ __forceinline__ int tile_column(int q) {
  using shape = tile_shape<WIDTH>;
  return (q / 4) * shape::across * 4 + (threadIdx.x % shape::across) * 4 + q % 4;
}

__device__ __forceinline__ void read_four(float* to, const float* from) {
  const float4 values = *reinterpret_cast<const float4*>(from);
  to[0] = values.x;
  to[1] = values.y;
  to[2] = values.z;
  to[3] = values.w;
}

// DEPTH rows from `step` of a matrix of `rank` columns, of which WIDTH from rank_first, on their way to shared memory;
// what lies outside counts as zero.
template<int WIDTH, int DEPTH = TILE_DEPTH> struct right_stage {
  static constexpr int depth = DEPTH;
  static constexpr int loads = DEPTH * WIDTH / TILE_THREADS;
  static constexpr int rows_per_load = TILE_THREADS / WIDTH;

  __device__ __forceinline__ right_stage(const float* matrix, int rank_first, int rank, i64 end)
      : source(matrix + static_cast<i64>(threadIdx.x / WIDTH) * rank + rank_first + threadIdx.x % WIDTH),
        inside(static_cast<int>(rank_first + threadIdx.x % WIDTH) < rank), rank(rank), end(end) {}

  __device__ __forceinline__ void fetch(i64 step) {
    const i64 left = inside ? end - step - threadIdx.x / WIDTH : 0;
    const int rows = left < DEPTH ? static_cast<int>(left) : DEPTH;
    const float* at = source + step * rank;
#pragma unroll
    for (int load = 0; load < loads; load++, at += rows_per_load * rank)
      held[load] = load * rows_per_load < rows ? *at : 0.0f;
  }

  __device__ __forceinline__ void stage(float* to) const {
#pragma unroll
    for (int load = 0; load < loads; load++)
      to[threadIdx.x + load * TILE_THREADS] = held[load];
  }

  const float* source;
  bool inside;
  i64 rank;
  i64 end;
  float held[loads];
};

// The same for the left operand of X·Hᵀ, whose summed index runs along rows: 128 rows by TILE_DEPTH columns, staged
// transposed.
struct rows_stage {
  static constexpr int loads = TILE_TALL * TILE_DEPTH / TILE_THREADS;
  static constexpr int rows_per_load = TILE_THREADS / TILE_DEPTH;

  __device__ __forceinline__ rows_stage(const float* matrix, i64 stride, i64 row_first, i64 rows, i64 end)
      : lane(threadIdx.x % TILE_DEPTH), line(threadIdx.x / TILE_DEPTH),
        source(matrix + (row_first + line) * stride + lane), jump(rows_per_load * stride), end(end) {
    const i64 below = rows - row_first - line;
    rows_left = below < TILE_TALL ? static_cast<int>(below) : TILE_TALL;
  }

  __device__ __forceinline__ void fetch(i64 step) {
    const int valid = step + lane < end ? rows_left : 0;
    const float* at = source + step;
#pragma unroll
    for (int load = 0; load < loads; load++, at += jump)
      held[load] = load * rows_per_load < valid ? *at : 0.0f;
  }

  __device__ __forceinline__ void stage(float* to) const {
#pragma unroll
    for (int load = 0; load < loads; load++)
      to[lane * TILE_PITCH + line + load * rows_per_load] = held[load];
  }

  int lane, line;
  const float* source;
  i64 jump;
  i64 end;
  int rows_left;
  float held[loads];
};

// And for that of Xᵀ·W, whose summed index runs down the columns: TILE_DEPTH rows by 128 columns.
struct columns_stage {
  static constexpr int loads = TILE_DEPTH;

  __device__ __forceinline__ columns_stage(const float* matrix, i64 stride, i64 column_first, i64 columns, i64 begin,
                                           i64 end)
      : source(matrix + begin * stride + column_first + threadIdx.x), stride(stride), end(end),
        inside(column_first + threadIdx.x < columns) {}

  __device__ __forceinline__ void fetch(i64 step) {
    const i64 left = inside ? end - step : 0;
    const int valid = left < TILE_DEPTH ? static_cast<int>(left) : TILE_DEPTH;
#pragma unroll
    for (int load = 0; load < loads; load++, source += stride)
      held[load] = load < valid ? *source : 0.0f;
  }

  __device__ __forceinline__ void stage(float* to) const {
#pragma unroll
    for (int load = 0; load < loads; load++)
      to[load * TILE_PITCH + threadIdx.x] = held[load];
  }

  const float* source;
  i64 stride;
  i64 end;
  bool inside;
  float held[loads];
};

// Calls multiply(half) for every Right::depth steps of begin ≤ k < end, with those steps staged in that half of the
// memory. Every thread of the block must come here with the same bounds.
template<class Left, class Right, class Memory, class Multiply>
__device__ __forceinline__ void in_stages(i64 begin, i64 end, Left& left, Right& right, Memory& memory,
                                          Multiply multiply) {
  if (begin >= end)
    return;
  left.fetch(begin);
  right.fetch(begin);
  left.stage(memory.left[0]);
  right.stage(memory.right[0]);
  __syncthreads();
  int half = 0;
  for (i64 step = begin; step < end; step += Right::depth) {
    const bool more = step + Right::depth < end;
    if (more) {
      left.fetch(step + Right::depth);
      right.fetch(step + Right::depth);
    }
    multiply(half);
    half ^= 1;
    if (more) {
      left.stage(memory.left[half]);
      right.stage(memory.right[half]);
    }
    __syncthreads();
  }
}

// sums[i][q] = Σ_k left[k, tile_row(i)] · right[k, tile_column(q)] over begin ≤ k < end.
template<int WIDTH, class Left>
__device__ __forceinline__ void multiply_tile(Left& left, right_stage<WIDTH>& right, i64 begin, i64 end,
                                              tile_memory& memory,
                                              float (&sums)[tile_shape<WIDTH>::each][tile_shape<WIDTH>::wide]) {
  using shape = tile_shape<WIDTH>;
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
#pragma unroll
    for (int q = 0; q < shape::wide; q++)
      sums[i][q] = 0.0f;
  }
  in_stages(begin, end, left, right, memory, [&](int half) {
    const float* lefts = memory.left[half] + tile_row<WIDTH>(0);
    const float* rights = memory.right[half] + tile_column<WIDTH>(0);
#pragma unroll
    for (int k = 0; k < TILE_DEPTH; k++) {
      float factors[shape::each];
      float values[shape::wide];
#pragma unroll
      for (int i = 0; i < shape::each; i += 4)
        read_four(factors + i, lefts + k * TILE_PITCH + i * shape::down);
#pragma unroll
      for (int q = 0; q < shape::wide; q += 4)
        read_four(values + q, rights + k * WIDTH + q * shape::across);
#pragma unroll
      for (int i = 0; i < shape::each; i++) {
#pragma unroll
        for (int q = 0; q < shape::wide; q++)
          sums[i][q] += factors[i] * values[q];
      }
    }
  });
}

// The sum of `value` over the block's THREADS threads in a fixed order, for all of them. sums: THREADS.
template<int THREADS> __device__ __forceinline__ double block_sum(double value, double* sums) {
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half /= 2) {
    if (threadIdx.x < half)
      sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  const double sum = sums[0];
  __syncthreads();
  return sum;
}
