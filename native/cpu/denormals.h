// Subnormal numbers cost a hundred cycles each on many CPUs, and a factor that converges to zero is full of them. While
// this object lives, the thread treats them as zero.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace nonneg {

class flush_denormals {
 public:
  flush_denormals() : saved(get()) {
#if defined(__x86_64__) || defined(_M_X64)
    set(saved | 0x8040u); // MXCSR: flush to zero, denormals are zero
#elif defined(__aarch64__)
    set(saved | (uint64_t(1) << 24)); // FPCR.FZ
#endif
  }
  ~flush_denormals() {
    set(saved);
  }
  flush_denormals(const flush_denormals&) = delete;
  flush_denormals& operator=(const flush_denormals&) = delete;

 private:
#if defined(__x86_64__) || defined(_M_X64)
  using word = uint32_t;
  static word get() {
    return _mm_getcsr();
  }
  static void set(word value) {
    _mm_setcsr(value);
  }
#elif defined(__aarch64__)
  using word = uint64_t;
  static word get() {
    word value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set(word value) {
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
  }
#else
  using word = uint32_t;
  static word get() {
    return 0;
  }
  static void set(word) {}
#endif
  word saved;
};

} // namespace nonneg
