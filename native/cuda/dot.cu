// ⟨a, b⟩ in two stages of fixed order: each block sums its share in float64 and writes parts[block]; one block of
// dot_finish adds the parts. Products of two f32 are exact in float64.
#include "tile.cuh"

constexpr int DOT_THREADS = 256;

extern "C" __global__ void __launch_bounds__(DOT_THREADS)
    dot(const float* __restrict__ a, const float* __restrict__ b, double* parts, i64 length) {
  __shared__ double sums[DOT_THREADS];
  const i64 step = static_cast<i64>(gridDim.x) * DOT_THREADS;
  double sum = 0.0;
  for (i64 i = static_cast<i64>(blockIdx.x) * DOT_THREADS + threadIdx.x; i < length; i += step) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  sum = block_sum<DOT_THREADS>(sum, sums);
  if (threadIdx.x == 0)
    parts[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(DOT_THREADS)
    dot_finish(const double* __restrict__ parts, double* out, int count) {
  __shared__ double sums[DOT_THREADS];
  double sum = 0.0;
  for (int i = threadIdx.x; i < count; i += DOT_THREADS)
    sum += parts[i];
  sum = block_sum<DOT_THREADS>(sum, sums);
  if (threadIdx.x == 0)
    out[0] = sum;
}
