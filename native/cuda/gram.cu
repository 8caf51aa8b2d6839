// G = Fᵀ·F alone: the kernel of a gram_task. Grid: its blocks.
#include "gram.cuh"

extern "C" __global__ void __launch_bounds__(TILE_THREADS) gram(gram_task task) {
  __shared__ gram_memory<32> memory;
  gram_block<32>(task, blockIdx.x, memory);
}
