// The second stage of the split products: out[i] = Σ_s parts[s · length + i], or out[i] += that sum. blockDim.x entries
// by blockDim.y lanes of splits, together 256; each lane adds every blockDim.y-th split, then the lanes are added in
// order.
#include "tile.cuh"

constexpr int ADD_THREADS = 256;

extern "C" __global__ void __launch_bounds__(ADD_THREADS)
    add_splits(const float* __restrict__ parts, float* out, i64 length, int splits, int accumulate) {
  __shared__ float sums[ADD_THREADS];
  const i64 step = static_cast<i64>(gridDim.x) * blockDim.x;
  for (i64 first = static_cast<i64>(blockIdx.x) * blockDim.x; first < length; first += step) {
    const i64 i = first + threadIdx.x;
    float sum = 0.0f;
    if (i < length) {
#pragma unroll 4
      for (int s = threadIdx.y; s < splits; s += blockDim.y)
        sum += parts[s * length + i];
    }
    sums[threadIdx.y * blockDim.x + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && i < length) {
      float total = sums[threadIdx.x];
      for (int lane = 1; lane < blockDim.y; lane++)
        total += sums[lane * blockDim.x + threadIdx.x];
      out[i] = accumulate ? out[i] + total : total;
    }
    __syncthreads();
  }
}
