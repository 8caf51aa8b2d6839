// Threads of a phase on cores of their own.
#pragma once

#include <atomic>
#include <chrono>

namespace nonneg {

// Where few cores share a cache and have been busy, Linux wakes a thread on the core of the one that wakes it, and
// leaves both there for up to tens of milliseconds while another core idles. So each thread says which core it is on
// when it enters a phase, and one that finds another of them there leaves for a core that none of them is on, where the
// system has no more threads to run than cores. Which cores it may run on stays as it was.
class core_places {
 public:
  // The thread enters a phase of so many threads, itself among them.
  void enter(int worker, int threads);
  // It goes to sleep, and is on no core.
  void leave(int worker);

 private:
  // Beyond that many threads a machine has cores enough for Linux to find an idle one.
  static constexpr int most_threads = 64;
  static constexpr int none = -1;

  // Moves the calling thread to a core that none of so many threads is on; false where there is none for it.
  bool move(int threads) const;

  struct alignas(64) place {
    std::atomic<int> core{none};
    // Its own thread's: whether another was on the core, and when it last tried to leave.
    bool shared = false;
    std::chrono::steady_clock::time_point tried;
  };
  place places[most_threads];
};

} // namespace nonneg
