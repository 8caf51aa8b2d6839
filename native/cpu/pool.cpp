#include "pool.h"

#include "denormals.h"
#include "spin.h"

#include <new>
#include <system_error>
#include <thread>

namespace nonneg {

namespace {

constexpr int most_workers = 1023;

} // namespace

pool* pool::shared() {
  static pool* const instance = new (std::nothrow) pool;
  return instance;
}

bool pool::acquire(waiter& ticket, const std::atomic<bool>* cancelled) {
  std::unique_lock<std::mutex> lock(turn_mutex);
  waiter** last = &first;
  while (*last)
    last = &(*last)->next;
  *last = &ticket;
  while (first != &ticket) {
    if (cancelled && cancelled->load(std::memory_order_relaxed)) {
      waiter** link = &first;
      while (*link != &ticket)
        link = &(*link)->next;
      *link = ticket.next;
      return false;
    }
    turn_free.wait_for(lock, std::chrono::milliseconds(1));
  }
  return true;
}

void pool::release() {
  {
    const std::lock_guard<std::mutex> lock(turn_mutex);
    first = first->next;
  }
  turn_free.notify_all();
}

void pool::start_workers(int wanted) {
  if (wanted > most_workers)
    wanted = most_workers;
  while (workers < wanted) {
    try {
      std::thread(&pool::serve, this, workers + 1).detach();
    } catch (const std::system_error&) {
      return; // fewer threads change the speed, never the result
    }
    workers++;
  }
}

void pool::take_indices(int worker) {
  for (;;) {
    const int64_t index = next.fetch_add(1, std::memory_order_relaxed);
    if (index >= count)
      return;
    work(context, index, worker);
  }
}

void pool::serve(int worker) {
  const flush_denormals flush;
  uint64_t seen = 0;
  for (;;) {
    const auto news = [&] {
      const uint64_t now = gate.load();
      return (now & open_bit) != 0 && now / phase_one != seen;
    };
    if (!spin_until(news)) {
      cores.leave(worker);
      std::unique_lock<std::mutex> lock(sleep_mutex);
      sleepers.fetch_add(1);
      wake.wait(lock, news);
      sleepers.fetch_sub(1);
    }
    uint64_t now = gate.load();
    while ((now & open_bit) != 0 && !gate.compare_exchange_weak(now, now + 1)) {
    }
    if ((now & open_bit) == 0)
      continue;
    seen = now / phase_one;
    if (worker < threads) {
      cores.enter(worker, threads);
      take_indices(worker);
    }
    const uint64_t before = gate.fetch_sub(1);
    if ((before & open_bit) == 0 && (before & (open_bit - 1)) == 1) {
      const std::lock_guard<std::mutex> lock(sleep_mutex);
      done.notify_one();
    }
  }
}

void pool::run(int wanted, int64_t indices, task function, void* argument) {
  if (wanted > indices)
    wanted = static_cast<int>(indices);
  if (wanted <= 1) {
    for (int64_t i = 0; i < indices; i++)
      function(argument, i, 0);
    return;
  }
  start_workers(wanted - 1);
  // the gate is closed and empty here: no worker reads these
  threads = wanted;
  count = indices;
  work = function;
  context = argument;
  next.store(0, std::memory_order_relaxed);
  gate.store((gate.load() / phase_one + 1) * phase_one + open_bit);
  if (sleepers.load() > 0) {
    { const std::lock_guard<std::mutex> lock(sleep_mutex); }
    wake.notify_all();
  }
  cores.enter(0, wanted);
  take_indices(0);
  gate.fetch_and(~open_bit);
  const auto empty = [&] { return (gate.load() & (open_bit - 1)) == 0; };
  if (!spin_until(empty)) {
    std::unique_lock<std::mutex> lock(sleep_mutex);
    done.wait(lock, empty);
  }
}

} // namespace nonneg
