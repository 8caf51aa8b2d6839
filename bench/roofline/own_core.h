#pragma once

#if defined(__linux__)
#include <sched.h>
#endif

/** Keeps the calling thread on one of the cores that the process may use, each thread on another: a roof is of all of them. */
inline void keep_to_core(int t) {
#if defined(__linux__)
  static const cpu_set_t allowed = [] {
    cpu_set_t own;
    if (sched_getaffinity(0, sizeof(own), &own) != 0)
      CPU_ZERO(&own);
    return own;
  }();
  int left = CPU_COUNT(&allowed) == 0 ? -1 : t % CPU_COUNT(&allowed);
  for (int core = 0; core < CPU_SETSIZE && left >= 0; core++) {
    if (!CPU_ISSET(core, &allowed) || left-- > 0)
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof(one), &one);
  }
#else
  (void)t;
#endif
}
