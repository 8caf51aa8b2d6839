#include "core_places.h"

#if defined(__linux__)
#include <cstdio>
#include <sched.h>
#endif

namespace nonneg {

#if defined(__linux__)

namespace {

// Between two looks for another core.
constexpr std::chrono::milliseconds rest(2);

// Threads of all processes that run or want to; many where the system does not say.
int runnable_threads() {
  int count = 1 << 20;
  if (FILE* const file = fopen("/proc/loadavg", "re")) {
    if (fscanf(file, "%*s %*s %*s %d/", &count) != 1)
      count = 1 << 20;
    fclose(file);
  }
  return count;
}

} // namespace

void core_places::enter(int worker, int threads) {
  if (worker >= most_threads)
    return;
  place& own = places[worker];
  const int core = sched_getcpu();
  if (core == own.core.load(std::memory_order_relaxed) && !own.shared)
    return;
  own.core.store(core, std::memory_order_relaxed);
  own.shared = false;
  for (int other = 0; other < threads && other < most_threads && !own.shared; other++)
    own.shared = other != worker && places[other].core.load(std::memory_order_relaxed) == core;
  const auto now = std::chrono::steady_clock::now();
  if (!own.shared || now - own.tried < rest)
    return;
  own.tried = now;
  if (move(threads))
    own.core.store(sched_getcpu(), std::memory_order_relaxed);
}

void core_places::leave(int worker) {
  if (worker < most_threads)
    places[worker].core.store(none, std::memory_order_relaxed);
}

bool core_places::move(int threads) const {
  cpu_set_t allowed;
  // with more threads than cores no core may be idle, and two of ours on one are no worse off than one beside another's
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || runnable_threads() > CPU_COUNT(&allowed))
    return false;
  cpu_set_t others = allowed;
  for (int other = 0; other < threads && other < most_threads; other++) {
    const int core = places[other].core.load(std::memory_order_relaxed);
    if (core >= 0 && core < CPU_SETSIZE)
      CPU_CLR(core, &others);
  }
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof(others), &others) != 0)
    return false;
  sched_setaffinity(0, sizeof(allowed), &allowed);
  return true;
}

#else

void core_places::enter(int, int) {}
void core_places::leave(int) {}
bool core_places::move(int) const {
  return false;
}

#endif

} // namespace nonneg
