// Waiting for another thread for a little while, before a thread goes to sleep.
#pragma once

#include <chrono>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace nonneg {

// About what it takes to be woken up: a wait of any length then costs no more than twice what it must. Nobody yields
// meanwhile: who gives the core up to another process has lost it for a whole time slice, while one that sleeps gets it
// back when it is woken.
constexpr std::chrono::microseconds spin_time(50);

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
  do {
    for (int i = 0; i < 32; i++) {
      if (condition())
        return true;
      relax();
    }
  } while (clock::now() < end);
  return condition();
}

} // namespace nonneg
