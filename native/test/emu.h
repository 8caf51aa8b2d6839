// Runs CUDA kernels on the CPU, for tests: the same .cu files, compiled as C++ after this header. One fiber stands for
// each CUDA thread, one block runs after another, and a fiber gives way only at barriers. What that finds, without any
// luck: missing barriers (by running the threads forwards, backwards and shuffled), shared memory read before it is
// written (it starts as NaN), barriers that not all threads reach. What it cannot find: races between warps on real
// memory, lack of coalescing, anything about speed.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
// a section of its own, so that the linker's start and stop symbols bound all shared memory
#define __shared__ static __attribute__((section("emu_shared")))
#define __syncthreads() emu::barrier(__FILE__, __LINE__)
#define threadIdx emu::thread_place
#define blockIdx emu::block_place
#define blockDim emu::block_size
#define gridDim emu::grid_size

struct __attribute__((may_alias, aligned(16))) float4 {
  float x, y, z, w;
};

// one thread runs at a time, and all see the same memory
inline void __threadfence() {}
inline unsigned atomicAdd(unsigned* counter, unsigned value) {
  const unsigned before = *counter;
  *counter += value;
  return before;
}
template<class T> T __ldcg(const T* at) {
  return *at;
}

namespace emu {

struct extent {
  unsigned x, y, z;
};

extern extent thread_place, block_place, block_size, grid_size;

void barrier(const char* file, int line);

// A kernel that takes its arguments as cuLaunchKernel does.
using entry = void (*)(void** arguments);

// Runs the whole grid. Returns an empty string, or what the kernel did wrong; the rest of the grid is then not run. The
// environment variable NONNEG_EMU_ORDER (forward, reverse, or shuffle:SEED) orders blocks and threads.
std::string launch(entry kernel, void** arguments, extent grid, extent block);

template<auto kernel> struct unpacked;
template<class... T, void (*kernel)(T...)> struct unpacked<kernel> {
  template<size_t... i> static void with(void** arguments, std::index_sequence<i...>) {
    kernel(*static_cast<T*>(arguments[i])...);
  }
  static void call(void** arguments) { with(arguments, std::index_sequence_for<T...>()); }
};

struct named_entry {
  const char* name;
  entry kernel;
};

} // namespace emu
