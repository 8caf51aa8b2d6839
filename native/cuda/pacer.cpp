#include "pacer.h"

#include <algorithm>

namespace nonneg::cuda {

namespace {

constexpr double SECONDS_IN_FLIGHT = 0.02;

} // namespace

pacer::pacer(const device& on, queue& work) : on(on), work(work) {
  // a thread that waits sleeps instead of spinning
  result error = on.api->event_create(&begin, EVENT_BLOCKING_SYNC);
  for (event_handle& mark : marks) {
    if (error == SUCCESS)
      error = on.api->event_create(&mark, EVENT_BLOCKING_SYNC);
  }
  work.fail(status_of(*on.api, error, "making events"));
}

pacer::~pacer() {
  for (event_handle mark : marks) {
    if (mark)
      on.api->event_destroy(mark);
  }
  if (begin)
    on.api->event_destroy(begin);
}

void pacer::start(std::vector<double>& ends) {
  this->ends = &ends;
  in_flight = 0;
  last = 0;
  started = std::chrono::steady_clock::now();
  work.record(begin);
}

void pacer::mark(bool ends_iteration) {
  // once for half of what is in flight, as each wait puts the thread to sleep
  while (work.ok() && in_flight >= limit) {
    const int half = in_flight / 2;
    work.wait(marks[(first + half - 1) % MARKS]);
    for (int i = 0; i < half && work.ok(); i++)
      retire();
  }
  const int at = (first + in_flight) % MARKS;
  work.record(marks[at]);
  this->ends_iteration[at] = ends_iteration;
  in_flight++;
}

double pacer::next_begin() {
  while (in_flight > 0 && work.reached(marks[first]))
    retire();
  const double now = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return now + in_flight * piece;
}

void pacer::drain() {
  while (work.ok() && in_flight > 0)
    retire();
}

void pacer::retire() {
  work.wait(marks[first]);
  const double reached = work.between(begin, marks[first]);
  if (!work.ok())
    return;
  piece = piece == 0 ? reached - last : 0.5 * (piece + reached - last);
  limit = static_cast<int>(std::clamp(SECONDS_IN_FLIGHT / std::max(piece, 1e-9), 2.0, static_cast<double>(MARKS)));
  last = reached;
  if (ends_iteration[first])
    ends->push_back(reached);
  first = (first + 1) % MARKS;
  in_flight--;
}

} // namespace nonneg::cuda
