// The threads of one job.
#pragma once

#include "partition.h"
#include "pool.h"

#include <atomic>
#include <cstdint>

namespace nonneg {

struct crew {
  pool* threads_of = nullptr; // may be null where `threads` is 1
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;

  bool stop() const { return cancelled && cancelled->load(std::memory_order_relaxed); }

  // work(index, worker) for index = 0 … count - 1; false when the job was cancelled meanwhile.
  template<class Work> bool run(int64_t count, const Work& work) const {
    if (threads <= 1) {
      for (int64_t i = 0; i < count; i++)
        work(i, 0);
    } else {
      const task call = [](void* context, int64_t index, int worker) {
        (*static_cast<const Work*>(context))(index, worker);
      };
      threads_of->run(threads, count, call, const_cast<Work*>(&work));
    }
    return !stop();
  }

  // phases() while the pool is this job's; false when cancelled before that, or by `phases`. Given back afterwards, so
  // that several fits take turns.
  template<class Phases> bool turn(const Phases& phases) const {
    if (stop())
      return false;
    if (!threads_of)
      return phases();
    const pool_turn held_turn(*threads_of, cancelled);
    return held_turn.held() && phases();
  }
};

} // namespace nonneg
