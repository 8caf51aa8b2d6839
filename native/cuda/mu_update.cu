// out = F / (F·G) ∘ N, positive results at least 2⁻⁶³, where N is the sum of `splits` arrays, one after another. Grid:
// row tiles × rank tiles. Blocks read whole rows of F, so `out` must not be F; it may be the first array of N, of which
// every entry is read only by the thread that writes it. With `products`, each block leaves there its share of ⟨N,
// out⟩. Without G, the factor stays as it is: only the products are computed, from F itself, by the same sums.
#include "tile.cuh"

constexpr int MU_ROWS = 16;
constexpr int MU_DEPTH = 32;
constexpr int MU_PITCH = MU_DEPTH + 4; // vectors stay aligned; neighbouring rows start in different banks

template<int WIDTH> struct mu_shape {
  static constexpr int threads = WIDTH == 64 ? 128 : 64;
  static constexpr int across = WIDTH / 4;
  static constexpr int down = threads / across;
  static constexpr int each = MU_ROWS / down;
  static constexpr int entries = MU_ROWS * WIDTH / threads;
  static constexpr int left_loads = MU_ROWS * MU_DEPTH / threads;
  static constexpr int right_loads = MU_DEPTH * WIDTH / threads;
};

template<int WIDTH> struct alignas(16) mu_memory {
  float left[MU_ROWS * MU_PITCH];
  float right[MU_DEPTH * WIDTH];
  float denominators[MU_ROWS * WIDTH];
  double sums[mu_shape<WIDTH>::threads];
};

template<int WIDTH>
__device__ __forceinline__ void mu_update(const float* F, const float* N, int splits, const float* G, float* out,
                                          i64 rows, int rank, double* products, mu_memory<WIDTH>& memory) {
  using shape = mu_shape<WIDTH>;
  constexpr float smallest = 1.08420217e-19f; // 2⁻⁶³: two entries above it have a normal product
  const i64 row_first = static_cast<i64>(blockIdx.x) * MU_ROWS;
  const int rank_first = blockIdx.y * WIDTH;
  const int x = threadIdx.x % shape::across;
  const int y = threadIdx.x / shape::across;

  float held_left[shape::left_loads];
  float held_right[shape::right_loads];
  auto fetch = [&](int step) {
#pragma unroll
    for (int load = 0; load < shape::left_loads; load++) {
      const int place = threadIdx.x + load * shape::threads;
      const i64 row = row_first + place / MU_DEPTH;
      const int k = step + place % MU_DEPTH;
      held_left[load] = row < rows && k < rank ? F[row * rank + k] : 0.0f;
    }
#pragma unroll
    for (int load = 0; load < shape::right_loads; load++) {
      const int place = threadIdx.x + load * shape::threads;
      const int k = step + place / WIDTH;
      const int r = rank_first + place % WIDTH;
      held_right[load] = k < rank && r < rank ? G[static_cast<i64>(k) * rank + r] : 0.0f;
    }
  };

  // the entries as they lie in memory, one after another, so that their many shares are read in whole lines; those
  // beyond the factor read their tile's first entry, for nothing
  i64 places[shape::entries];
  bool inside[shape::entries];
#pragma unroll
  for (int e = 0; e < shape::entries; e++) {
    const int place = threadIdx.x + e * shape::threads;
    const i64 row = row_first + place / WIDTH;
    const int r = rank_first + place % WIDTH;
    inside[e] = row < rows && r < rank;
    places[e] = inside[e] ? row * rank + r : row_first * rank + rank_first;
  }

  // on their way while the shares of N are added
  if (G)
    fetch(0);
  float before[shape::entries];
  float numerators[shape::entries];
#pragma unroll
  for (int e = 0; e < shape::entries; e++) {
    before[e] = F[places[e]];
    numerators[e] = 0.0f;
  }
  const i64 length = rows * rank;
  const float* share = N;
#pragma unroll 4
  for (int s = 0; s < splits; s++, share += length) {
#pragma unroll
    for (int e = 0; e < shape::entries; e++)
      numerators[e] += share[places[e]];
  }

  float sums[shape::each][4] = {};
  for (int step = 0; G && step < rank; step += MU_DEPTH) {
#pragma unroll
    for (int load = 0; load < shape::left_loads; load++) {
      const int place = threadIdx.x + load * shape::threads;
      memory.left[place / MU_DEPTH * MU_PITCH + place % MU_DEPTH] = held_left[load];
    }
#pragma unroll
    for (int load = 0; load < shape::right_loads; load++)
      memory.right[threadIdx.x + load * shape::threads] = held_right[load];
    __syncthreads();
    if (step + MU_DEPTH < rank)
      fetch(step + MU_DEPTH);
#pragma unroll 2
    for (int k = 0; k < MU_DEPTH; k += 4) {
      float values[4][4];
#pragma unroll
      for (int u = 0; u < 4; u++)
        read_four(values[u], memory.right + (k + u) * WIDTH + 4 * x);
#pragma unroll
      for (int i = 0; i < shape::each; i++) {
        float factors[4];
        read_four(factors, memory.left + (y + i * shape::down) * MU_PITCH + k);
#pragma unroll
        for (int u = 0; u < 4; u++) {
#pragma unroll
          for (int q = 0; q < 4; q++)
            sums[i][q] += factors[u] * values[u][q];
        }
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < shape::each; i++) {
#pragma unroll
    for (int q = 0; q < 4; q++)
      memory.denominators[(y + i * shape::down) * WIDTH + 4 * x + q] = sums[i][q];
  }
  __syncthreads();

  double product = 0.0;
#pragma unroll
  for (int e = 0; e < shape::entries; e++) {
    if (!inside[e])
      continue;
    const float denominator = memory.denominators[threadIdx.x + e * shape::threads];
    float updated = before[e];
    if (G) {
      // that a result is positive its operands say, as it may itself round to zero
      const bool positive = denominator > 0.0f && before[e] > 0.0f && numerators[e] > 0.0f;
      updated = positive ? before[e] / denominator * numerators[e] : 0.0f;
      updated = positive && updated < smallest ? smallest : updated;
      out[places[e]] = updated;
    }
    product += static_cast<double>(numerators[e]) * static_cast<double>(updated);
  }
  if (!products)
    return;
  product = block_sum<shape::threads>(product, memory.sums);
  if (threadIdx.x == 0)
    products[static_cast<i64>(blockIdx.y) * gridDim.x + blockIdx.x] = product;
}

#define MU_UPDATE(WIDTH)                                                                                               \
  extern "C" __global__ void __launch_bounds__(mu_shape<WIDTH>::threads, 384 / mu_shape<WIDTH>::threads)               \
      mu_update_##WIDTH(const float* F, const float* N, int splits, const float* G, float* out, i64 rows, int rank,    \
                        double* products) {                                                                            \
    __shared__ mu_memory<WIDTH> memory;                                                                                \
    mu_update<WIDTH>(F, N, splits, G, out, rows, rank, products, memory);                                              \
  }

MU_UPDATE(16)
MU_UPDATE(32)
MU_UPDATE(64)
