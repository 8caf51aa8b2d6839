// G = Fᵀ·F alone: the kernel of a gram_task. Grid: its blocks.
#include "gram.cuh"

#define GRAM(WIDTH)                                                                                                    \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS) gram_##WIDTH(gram_task task) {                            \
    __shared__ gram_memory<WIDTH> memory;                                                                              \
    gram_block<WIDTH>(task, blockIdx.x, memory);                                                                       \
  }

GRAM(32)
GRAM(64)
