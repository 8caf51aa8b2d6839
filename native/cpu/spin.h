// Waiting for another thread for a little while, before a thread goes to sleep.
#pragma once

#include <chrono>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace nonneg {

// Long enough to bridge the serial work between two phases, short enough to cost nothing when another process wants the
// core: a pool that only spins loses whole time slices there. For as long as waking up from a sleep would take, the
// core is then offered to others, and kept where nobody wants it.
constexpr std::chrono::microseconds spin_time(10);
constexpr std::chrono::microseconds yield_time(50);

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

template<class Condition> bool spin_until(Condition condition) {
  using clock = std::chrono::steady_clock;
  const clock::time_point end = clock::now() + spin_time;
  for (;;) {
    for (int i = 0; i < 32; i++) {
      if (condition())
        return true;
      relax();
    }
    if (clock::now() >= end)
      break;
  }
  while (clock::now() < end + yield_time) {
    if (condition())
      return true;
    std::this_thread::yield();
  }
  return condition();
}

} // namespace nonneg
