// Keeps the device busy without running far ahead of it: marks follow pieces of work on the queue, and a new mark waits
// until what is in flight amounts to some 20 ms. That bounds how long an abort or a deadline can be overrun.
#pragma once

#include "queue.h"

#include <chrono>
#include <vector>

namespace nonneg::cuda {

class pacer {
 public:
  pacer(const device& on, queue& work);
  ~pacer();
  pacer(const pacer&) = delete;
  pacer& operator=(const pacer&) = delete;

  // Begins a run; `ends` gets the seconds from here to the end of each iteration as the device finishes it.
  void start(std::vector<double>& ends);

  // After each piece of work; waits for older ones where too much is in flight.
  void mark(bool ends_iteration);

  // Seconds from the start at which work that is queued now would probably begin.
  double next_begin();

  // Waits for everything.
  void drain();

 private:
  static constexpr int MARKS = 64;

  void retire();

  const device& on;
  queue& work;
  event_handle begin = nullptr;
  event_handle marks[MARKS] = {};
  bool ends_iteration[MARKS] = {};
  int first = 0; // oldest mark in flight
  int in_flight = 0;
  int limit = 2;
  double piece = 0; // seconds that one takes, smoothed
  double last = 0;  // of the newest mark that was reached
  std::vector<double>* ends = nullptr;
  std::chrono::steady_clock::time_point started;
};

} // namespace nonneg::cuda
