// The register tiles of the dense products. A block computes 128 × WIDTH entries; it stages 32 steps of the summed
// index in shared memory while the next 32 are already under way to registers. Only scalar loads touch global memory,
// so any alignment and any stride will do; consecutive threads read consecutive addresses.
#pragma once

using i64 = long long;

constexpr int TILE_TALL = 128;
constexpr int TILE_DEPTH = 32;

// Rows of the staged left tile are this long: 16-byte aligned for vector reads, and eight consecutive rows start in
// different groups of four banks.
constexpr int TILE_PITCH = TILE_DEPTH + 4;

template<int WIDTH> struct tile_shape {
  static constexpr int threads = WIDTH == 16 ? 128 : 256;
  static constexpr int blocks = 512 / threads; // on one multiprocessor: no more than 128 registers a thread
  static constexpr int across = WIDTH / 4;
  static constexpr int down = threads / across;
  static constexpr int each = TILE_TALL / down;
  static constexpr int left_loads = TILE_TALL * TILE_DEPTH / threads;
  static constexpr int right_loads = TILE_DEPTH * WIDTH / threads;
};

// Stages `right`, TILE_DEPTH rows from `step` of a matrix of `rank` columns, of which WIDTH from `rank_first`; what
// lies outside counts as zero.
template<int WIDTH>
__device__ __forceinline__ void fetch_right(float (&held)[tile_shape<WIDTH>::right_loads], const float* right, i64 step,
                                            i64 end, int rank_first, int rank) {
#pragma unroll
  for (int load = 0; load < tile_shape<WIDTH>::right_loads; load++) {
    const int place = threadIdx.x + load * tile_shape<WIDTH>::threads;
    const i64 at = step + place / WIDTH;
    const int r = rank_first + place % WIDTH;
    held[load] = at < end && r < rank ? right[at * rank + r] : 0.0f;
  }
}

template<int WIDTH>
__device__ __forceinline__ void stage_right(float* staged, const float (&held)[tile_shape<WIDTH>::right_loads]) {
#pragma unroll
  for (int load = 0; load < tile_shape<WIDTH>::right_loads; load++) {
    staged[threadIdx.x + load * tile_shape<WIDTH>::threads] = held[load];
  }
}

__device__ __forceinline__ void multiply_add(float (&sums)[4], float factor, const float4& values) {
  sums[0] += factor * values.x;
  sums[1] += factor * values.y;
  sums[2] += factor * values.z;
  sums[3] += factor * values.w;
}

// sums[i][q] = Σ_k left[row, k] · right[k, r] over begin ≤ k < end, for row = row_first + threadIdx.x / across + i ·
// down and r = rank_first + 4 · (threadIdx.x mod across) + q. staged_left: TILE_TALL × TILE_PITCH, staged_right:
// TILE_DEPTH × WIDTH.
template<int WIDTH>
__device__ __forceinline__ void rows_tile(const float* __restrict__ left, i64 stride, i64 row_first, i64 rows,
                                          const float* __restrict__ right, int rank_first, int rank, i64 begin, i64 end,
                                          float* staged_left, float* staged_right,
                                          float (&sums)[tile_shape<WIDTH>::each][4]) {
  using shape = tile_shape<WIDTH>;
  constexpr int rows_per_load = shape::threads / TILE_DEPTH;
  const int lane = threadIdx.x % TILE_DEPTH;
  const int line = threadIdx.x / TILE_DEPTH;
  const int x = threadIdx.x % shape::across;
  const int y = threadIdx.x / shape::across;
  float held_left[shape::left_loads];
  float held_right[shape::right_loads];

  const float* source = left + (row_first + line) * stride + lane;
  const i64 jump = rows_per_load * stride;
  auto fetch = [&](i64 step) {
    const i64 rows_left = step + lane < end ? rows - row_first - line : 0;
    const float* at = source + step;
#pragma unroll
    for (int load = 0; load < shape::left_loads; load++, at += jump) {
      held_left[load] = load * rows_per_load < rows_left ? *at : 0.0f;
    }
    fetch_right<WIDTH>(held_right, right, step, end, rank_first, rank);
  };

#pragma unroll
  for (int i = 0; i < shape::each; i++) {
#pragma unroll
    for (int q = 0; q < 4; q++)
      sums[i][q] = 0.0f;
  }
  // One turn fetches a step, multiplies the one before it, then stages what was fetched.
  for (i64 step = begin; step < end + TILE_DEPTH; step += TILE_DEPTH) {
    if (step < end)
      fetch(step);
#pragma unroll 1
    for (int k = 0; k < TILE_DEPTH && step > begin; k += 4) {
      float4 values[4];
#pragma unroll
      for (int u = 0; u < 4; u++) {
        values[u] = *reinterpret_cast<const float4*>(staged_right + (k + u) * WIDTH + 4 * x);
      }
#pragma unroll
      for (int i = 0; i < shape::each; i++) {
        const float4 factors = *reinterpret_cast<const float4*>(staged_left + (y + i * shape::down) * TILE_PITCH + k);
        multiply_add(sums[i], factors.x, values[0]);
        multiply_add(sums[i], factors.y, values[1]);
        multiply_add(sums[i], factors.z, values[2]);
        multiply_add(sums[i], factors.w, values[3]);
      }
    }
    __syncthreads();
    if (step < end) {
#pragma unroll
      for (int load = 0; load < shape::left_loads; load++) {
        staged_left[(line + load * rows_per_load) * TILE_PITCH + lane] = held_left[load];
      }
      stage_right<WIDTH>(staged_right, held_right);
    }
    __syncthreads();
  }
}

// The column of the left tile that entry i of a thread's sums belongs to, in columns_tile.
template<int WIDTH> __device__ __forceinline__ int tile_column(int i) {
  using shape = tile_shape<WIDTH>;
  return (i / 4) * shape::down * 4 + (threadIdx.x / shape::across) * 4 + i % 4;
}

// sums[i][q] = Σ_k left[k, column] · right[k, r] over begin ≤ k < end, for column = column_first + tile_column(i) and
// r = rank_first + 4 · (threadIdx.x mod across) + q.
// staged_left: TILE_DEPTH × TILE_TALL, staged_right: TILE_DEPTH × WIDTH.
template<int WIDTH>
__device__ __forceinline__ void columns_tile(const float* __restrict__ left, i64 stride, i64 column_first, i64 columns,
                                             const float* __restrict__ right, int rank_first, int rank, i64 begin,
                                             i64 end, float* staged_left, float* staged_right,
                                             float (&sums)[tile_shape<WIDTH>::each][4]) {
  using shape = tile_shape<WIDTH>;
  constexpr int steps_per_load = shape::threads / TILE_TALL;
  const int lane = threadIdx.x % TILE_TALL;
  const int line = threadIdx.x / TILE_TALL;
  const int x = threadIdx.x % shape::across;
  float held_left[shape::left_loads];
  float held_right[shape::right_loads];

  const float* source = left + line * stride + column_first + lane;
  const i64 jump = steps_per_load * stride;
  auto fetch = [&](i64 step) {
    const i64 steps_left = column_first + lane < columns ? end - step - line : 0;
    const float* at = source + step * stride;
#pragma unroll
    for (int load = 0; load < shape::left_loads; load++, at += jump) {
      held_left[load] = load * steps_per_load < steps_left ? *at : 0.0f;
    }
    fetch_right<WIDTH>(held_right, right, step, end, rank_first, rank);
  };

#pragma unroll
  for (int i = 0; i < shape::each; i++) {
#pragma unroll
    for (int q = 0; q < 4; q++)
      sums[i][q] = 0.0f;
  }
  for (i64 step = begin; step < end + TILE_DEPTH; step += TILE_DEPTH) {
    if (step < end)
      fetch(step);
#pragma unroll 4
    for (int k = 0; k < TILE_DEPTH && step > begin; k++) {
      const float4 values = *reinterpret_cast<const float4*>(staged_right + k * WIDTH + 4 * x);
#pragma unroll
      for (int i = 0; i < shape::each; i += 4) {
        const float4 factors = *reinterpret_cast<const float4*>(staged_left + k * TILE_TALL + tile_column<WIDTH>(i));
        multiply_add(sums[i], factors.x, values);
        multiply_add(sums[i + 1], factors.y, values);
        multiply_add(sums[i + 2], factors.z, values);
        multiply_add(sums[i + 3], factors.w, values);
      }
    }
    __syncthreads();
    if (step < end) {
#pragma unroll
      for (int load = 0; load < shape::left_loads; load++) {
        staged_left[(line + load * steps_per_load) * TILE_TALL + lane] = held_left[load];
      }
      stage_right<WIDTH>(staged_right, held_right);
    }
    __syncthreads();
  }
}
