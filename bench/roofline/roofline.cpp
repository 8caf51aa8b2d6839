// What this machine can do at most, measured beside the rows that it judges: fused multiply-adds in registers, and
// reading and writing memory. A program of its own, so that nothing of it is in the addon; it speaks the line protocol
// of bench/METHOD.md on standard input and output.
//   op=fma isa=baseline|avx2|avx512|neon        register-resident f32 arithmetic; baseline x86 multiplies, then adds
//   … with=noops                                the same with a no-op after each step: as many instructions as a real
//                                               kernel has, which a core issues easily unless another guest of the host
//                                               runs on its other thread
//   … with=loads                                as many multiply-adds in the tile of a matrix product, whose operands
//                                               stay in the first two caches
//   op=triad|triad_stream|read bytes=N          a = b + s·c with plain or non-temporal stores; a sum over one array
#include "own_core.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
#ifdef __linux__
#include <sys/mman.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#define ROOFLINE_X86 1
#include <immintrin.h>
#endif

namespace {

template<int lanes> struct vector_of {
  typedef float type __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
};

// Enough independent chains to hide the latency of two units, few enough for 16 registers.
constexpr int chains = 12;
constexpr long steps_per_unit = 1L << 20;
volatile float seed = 0.5f;
volatile float sink;

// Keeps the compiler from folding steps together.
#ifdef ROOFLINE_X86
#define KEEP(instruction, register) __asm__ volatile(instruction : "+v"(register))
#else
#define KEEP(instruction, register) __asm__ volatile(instruction : "+w"(register))
#endif

// What stands between the multiply-adds.
enum class company { none, noops, loads };

// The factor is below 1, so that the chains stay among normal numbers for ever.
template<int lanes, bool noops> inline __attribute__((always_inline)) void multiply_add(long units) {
  using vector = typename vector_of<lanes>::type;
  vector chain[chains];
  const vector factor = vector{} + (1.0f - seed * 1e-3f), term = vector{} + seed * 1e-3f;
#pragma GCC unroll 12
  for (int c = 0; c < chains; c++)
    chain[c] = vector{} + seed * static_cast<float>(c + 1);
  for (long step = 0; step < units * steps_per_unit; step++) {
#pragma GCC unroll 12
    for (int c = 0; c < chains; c++)
      chain[c] = chain[c] * factor + term;
#pragma GCC unroll 12
    for (int c = 0; c < chains; c++) {
      if constexpr (noops)
        KEEP("nop", chain[c]);
      else
        KEEP("", chain[c]);
    }
  }
  // whole vectors are added: picking lanes out of the array would keep it in memory during the loop
#pragma GCC unroll 12
  for (int c = 1; c < chains; c++)
    chain[0] += chain[c];
  sink = chain[0][0];
}

// Six rows of one matrix by some vectors of another's, 256 deep, over and over: the sums stay in registers, the smaller
// operand in the first cache, the larger in the second at the latest. No panel of X comes from further away.
constexpr int tile_rows = 6;
constexpr long tile_depth = 256;
alignas(64) thread_local float tile_left[tile_rows * tile_depth];
alignas(64) thread_local float tile_right[tile_depth * 4 * 16];
alignas(64) thread_local float tile_sums[tile_rows * 4 * 16];

template<int lanes> inline __attribute__((always_inline)) void multiply_tile(long units) {
  using vector = typename vector_of<lanes>::type;
  constexpr int wide = lanes == 16 ? 4 : 2; // of 32 registers or of 16
  constexpr long passes = steps_per_unit * chains / (tile_rows * wide * tile_depth);
  for (float& value : tile_left)
    value = seed;
  for (float& value : tile_right)
    value = seed;
  for (long pass = 0; pass < units * passes; pass++) {
    vector sums[tile_rows][wide] = {};
    for (long d = 0; d < tile_depth; d++) {
      vector right[wide];
#pragma GCC unroll 4
      for (int q = 0; q < wide; q++)
        right[q] = *reinterpret_cast<const vector*>(tile_right + (d * wide + q) * lanes);
#pragma GCC unroll 6
      for (int r = 0; r < tile_rows; r++) {
        const float left = tile_left[r * tile_depth + d];
#pragma GCC unroll 4
        for (int q = 0; q < wide; q++)
          sums[r][q] += left * right[q];
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < tile_rows; r++)
#pragma GCC unroll 4
      for (int q = 0; q < wide; q++)
        *reinterpret_cast<vector*>(tile_sums + (r * wide + q) * lanes) = sums[r][q];
    __asm__ volatile("" ::: "memory");
  }
}

template<int lanes, company With> inline __attribute__((always_inline)) void multiply(long units) {
  if constexpr (With == company::loads)
    multiply_tile<lanes>(units);
  else
    multiply_add<lanes, With == company::noops>(units);
}

struct span {
  float* a;
  const float* b;
  const float* c;
  long length;
};

template<int lanes> inline __attribute__((always_inline)) void read_all(const span& part, long units) {
  using vector = typename vector_of<lanes>::type;
  constexpr int streams = 8;
  vector sums[streams] = {};
  for (long unit = 0; unit < units; unit++) {
    for (long i = 0; i + streams * lanes <= part.length; i += streams * lanes)
#pragma GCC unroll 8
      for (int s = 0; s < streams; s++)
        sums[s] += *reinterpret_cast<const vector*>(part.b + i + s * lanes);
  }
  float total = 0;
  for (int s = 0; s < streams; s++)
    total += sums[s][0];
  sink = total;
}

template<int lanes> inline __attribute__((always_inline)) void triad(const span& part, long units) {
  using vector = typename vector_of<lanes>::type;
  const vector scale = vector{} + seed;
  for (long unit = 0; unit < units; unit++)
    for (long i = 0; i + lanes <= part.length; i += lanes) {
      const vector sum =
          *reinterpret_cast<const vector*>(part.b + i) + scale * *reinterpret_cast<const vector*>(part.c + i);
      *reinterpret_cast<vector*>(part.a + i) = sum;
    }
}

#ifdef ROOFLINE_X86
// SSE2 has the non-temporal store already, and memory is slower than any width.
void triad_stream(const span& part, long units) {
  const __m128 scale = _mm_set1_ps(seed);
  for (long unit = 0; unit < units; unit++) {
    for (long i = 0; i + 16 <= part.length; i += 16)
#pragma GCC unroll 4
      for (int q = 0; q < 16; q += 4)
        _mm_stream_ps(part.a + i + q,
                      _mm_add_ps(_mm_load_ps(part.b + i + q), _mm_mul_ps(scale, _mm_load_ps(part.c + i + q))));
    _mm_sfence();
  }
}
#define TARGET(features) __attribute__((target(features), noinline))
#define WIDE_LANES 8
template<company With> TARGET("avx2,fma") void fma_avx2(long units) {
  multiply<8, With>(units);
}
template<company With> TARGET("avx512f,avx512vl,fma") void fma_avx512(long units) {
  multiply<16, With>(units);
}
TARGET("avx2,fma") void read_wide(const span& part, long units) {
  read_all<8>(part, units);
}
TARGET("avx2,fma") void triad_wide(const span& part, long units) {
  triad<8>(part, units);
}
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}
#endif
template<company With> __attribute__((noinline)) void fma_narrow(long units) {
  multiply<4, With>(units);
}
__attribute__((noinline)) void read_narrow(const span& part, long units) {
  read_all<4>(part, units);
}
__attribute__((noinline)) void triad_narrow(const span& part, long units) {
  triad<4>(part, units);
}

using compute = void (*)(long units);
using transfer = void (*)(const span& part, long units);

struct probe {
  compute arithmetic = nullptr;
  transfer memory = nullptr;
  int threads = 1;
  double flops = 0, bytes = 0;
  std::vector<span> parts;
  std::string refusal;
};

/** Whole huge pages where the system gives them: 4 KiB pages cost a third of the bandwidth. */
float* pages(std::size_t bytes) {
  constexpr std::size_t huge = 2 << 20;
  const std::size_t rounded = (bytes + huge - 1) / huge * huge;
  void* memory = std::aligned_alloc(huge, rounded);
  if (!memory)
    return nullptr;
#ifdef __linux__
  madvise(memory, rounded, MADV_HUGEPAGE);
#endif
  return static_cast<float*>(memory);
}

struct release {
  void operator()(float* memory) const { std::free(memory); }
};
std::vector<std::unique_ptr<float, release>> held;

using settings = std::map<std::string, std::string>;

template<company With> void choose_arithmetic(const std::string& isa, probe& chosen) {
  int lanes = 4;
#ifdef ROOFLINE_X86
  if (isa == "baseline")
    chosen.arithmetic = fma_narrow<With>;
  if (isa == "avx2" && has_avx2())
    chosen.arithmetic = fma_avx2<With>, lanes = 8;
  if (isa == "avx512" && has_avx512())
    chosen.arithmetic = fma_avx512<With>, lanes = 16;
#else
  if (isa == "baseline" || isa == "neon")
    chosen.arithmetic = fma_narrow<With>;
#endif
  if (!chosen.arithmetic)
    chosen.refusal = "this processor or this build has no " + isa;
  chosen.flops = 2.0 * lanes * chains * steps_per_unit * chosen.threads;
}

void choose_memory(const std::string& op, std::size_t bytes, probe& chosen) {
#ifdef ROOFLINE_X86
  const bool wide = has_avx2();
  if (op == "read")
    chosen.memory = wide ? read_wide : read_narrow;
  if (op == "triad")
    chosen.memory = wide ? triad_wide : triad_narrow;
  if (op == "triad_stream")
    chosen.memory = triad_stream;
#else
  if (op == "read")
    chosen.memory = read_narrow;
  if (op == "triad")
    chosen.memory = triad_narrow;
#endif
  if (!chosen.memory) {
    chosen.refusal = "this processor or this build has no " + op;
    return;
  }
  // whole cache lines a thread
  const long length = static_cast<long>(bytes / sizeof(float) / 64 / chosen.threads) * 64;
  float* arrays[3] = {};
  for (int which = 0; which < 3; which++) {
    if (op == "read" && which != 1)
      continue;
    arrays[which] = pages(sizeof(float) * length * chosen.threads);
    if (!arrays[which]) {
      chosen.refusal = "there is not enough memory";
      return;
    }
    held.emplace_back(arrays[which]);
  }
  chosen.bytes = static_cast<double>(sizeof(float)) * length * chosen.threads * (op == "read" ? 1 : 3);
  for (int t = 0; t < chosen.threads; t++) {
    const auto from = [&](float* array) { return array ? array + length * t : nullptr; };
    chosen.parts.push_back({from(arrays[0]), from(arrays[1]), from(arrays[2]), length});
  }
  // the thread that works on a part touches it first
  std::vector<std::thread> touching;
  for (const span& part : chosen.parts)
    touching.emplace_back([part] {
      for (long i = 0; i < part.length; i++) {
        if (part.a)
          part.a[i] = 0;
        const_cast<float*>(part.b)[i] = 1;
        if (part.c)
          const_cast<float*>(part.c)[i] = 2;
      }
    });
  for (std::thread& thread : touching)
    thread.join();
}

probe start(settings& given) {
  held.clear();
  probe chosen;
  chosen.threads = given.count("threads") ? std::atoi(given["threads"].c_str()) : 1;
  if (given["op"] == "fma" && given["with"] == "noops")
    choose_arithmetic<company::noops>(given["isa"], chosen);
  else if (given["op"] == "fma" && given["with"] == "loads")
    choose_arithmetic<company::loads>(given["isa"], chosen);
  else if (given["op"] == "fma")
    choose_arithmetic<company::none>(given["isa"], chosen);
  else
    choose_memory(given["op"], std::strtoull(given["bytes"].c_str(), nullptr, 10), chosen);
  return chosen;
}

/** Seconds from the moment that all threads are there to the end of the last. */
double run(const probe& chosen, long units) {
  using clock = std::chrono::steady_clock;
  std::atomic<int> missing{chosen.threads};
  std::vector<clock::time_point> begun(chosen.threads), ended(chosen.threads);
  const auto work = [&](int t) {
    keep_to_core(t);
    missing--;
    while (missing > 0) {
    }
    begun[t] = clock::now();
    if (chosen.arithmetic)
      chosen.arithmetic(units);
    else
      chosen.memory(chosen.parts[t], units);
    ended[t] = clock::now();
  };
  std::vector<std::thread> others;
  for (int t = 1; t < chosen.threads; t++)
    others.emplace_back(work, t);
  work(0);
  for (std::thread& thread : others)
    thread.join();
  clock::time_point first = begun[0], last = ended[0];
  for (int t = 1; t < chosen.threads; t++) {
    if (begun[t] < first)
      first = begun[t];
    if (ended[t] > last)
      last = ended[t];
  }
  return std::chrono::duration<double>(last - first).count();
}

} // namespace

int main() {
  probe chosen;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "start") {
      settings given;
      for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (equals != std::string::npos)
          given[word.substr(0, equals)] = word.substr(equals + 1);
      }
      chosen = start(given);
      if (chosen.refusal.empty())
        std::printf("ok flops=%.0f bytes=%.0f\n", chosen.flops, chosen.bytes);
      else
        std::printf("unsupported %s\n", chosen.refusal.c_str());
    } else if (verb == "run" && !chosen.arithmetic && !chosen.memory) {
      std::printf("unsupported nothing was started\n");
    } else if (verb == "run") {
      long units = 1;
      words >> units;
      std::printf("seconds %.9f\n", run(chosen, units));
    } else if (verb == "stop") {
      return 0;
    } else {
      std::printf("unsupported a roof has no %s\n", verb.c_str());
    }
    std::fflush(stdout);
  }
}
