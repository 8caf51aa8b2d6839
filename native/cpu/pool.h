// The process's compute threads. Created on first use and never joined: several environments (the main thread and
// Workers) share them, and a static destructor that joined threads would hang or crash a process on its way out.
#pragma once

#include "core_places.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace nonneg {

// Called once for every index of a phase; `worker` is 0 … threads - 1 and tells whose scratch memory to use.
using task = void (*)(void* context, int64_t index, int worker);

class pool {
 public:
  // The one pool of the process. Null when there is no memory for it.
  static pool* shared();

  // Runs task(context, i, worker) for i = 0 … count - 1 on up to `threads` threads, the caller's among them, and
  // returns when all are done. The caller must hold the turn. Which thread runs which index is not defined.
  void run(int threads, int64_t count, task work, void* context);

 private:
  friend class pool_turn;

  struct waiter {
    waiter* next = nullptr;
  };

  bool acquire(waiter& ticket, const std::atomic<bool>* cancelled);
  void release();
  void start_workers(int wanted);
  void serve(int worker);
  void take_indices(int worker);

  // A phase is published by one store to `gate`: its number, whether it is still open, and how many workers are in it.
  // A worker that wakes up late finds the gate closed and touches nothing, so nobody ever waits for it.
  static constexpr uint64_t open_bit = uint64_t(1) << 31;
  static constexpr uint64_t phase_one = uint64_t(1) << 32;
  std::atomic<uint64_t> gate{0};
  std::atomic<int64_t> next{0};
  int64_t count = 0;
  int threads = 0;
  task work = nullptr;
  void* context = nullptr;

  std::mutex sleep_mutex;
  std::condition_variable wake;
  std::condition_variable done;
  std::atomic<int> sleepers{0};
  int workers = 0; // touched by the holder of the turn alone
  core_places cores;

  std::mutex turn_mutex;
  std::condition_variable turn_free;
  waiter* first = nullptr; // holds the turn
};

// Holds the pool for a while. Waiting is first come, first served, and ends early when `cancelled` becomes true.
class pool_turn {
 public:
  pool_turn(pool& owner, const std::atomic<bool>* cancelled) : owner(owner), holds(owner.acquire(ticket, cancelled)) {}
  ~pool_turn() {
    if (holds)
      owner.release();
  }
  pool_turn(const pool_turn&) = delete;
  pool_turn& operator=(const pool_turn&) = delete;
  bool held() const { return holds; }

 private:
  pool& owner;
  pool::waiter ticket;
  bool holds;
};

} // namespace nonneg
