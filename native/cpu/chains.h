// Panels in two steps. Their first ones may run in any order; their second ones, of several parts each, add to what the
// group has so far and run in the order of its panels. So the bits do not depend on the threads, and yet a group is no
// thread's own: who finds no group left helps those who are at work in theirs, and in the end no thread waits for
// another longer than for about a step.
#pragma once

#include "crew.h"
#include "spin.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace nonneg {

class chains {
 public:
  // Parts of a second step: each adds to something of its own.
  static constexpr int parts = 2;

  // Makes room for this cut too; throws bad_alloc.
  void admit(const partition& cut);

  // first(panel, worker), which tells whether it was not cancelled, and then second(group, panel, part) for all panels
  // of the cut and all parts; false when the job was cancelled.
  template<class First, class Second>
  bool run(const crew& c, const partition& cut, const First& first, const Second& second) {
    open(cut);
    const int64_t groups = cut.group_count();
    const auto serve = [&](int64_t, int worker) {
      const auto work_on = [&](int64_t group) {
        for (int64_t p = cut.groups[size_t(group)]; p < cut.groups[size_t(group) + 1]; p++) {
          if (!c.stop() && claim(p) && first(p, worker))
            steps[size_t(p)].store(step::second);
          follow(cut, group, second);
        }
      };
      for (int64_t g = next_group++; g < groups; g = next_group++)
        work_on(g);
      for (int64_t g = 0; g < groups; g++)
        work_on(g);
      while (!c.stop() && spin_until([&] { return unfinished == 0 || any_ready(cut); }) && unfinished > 0) {
        for (int64_t g = 0; g < groups; g++)
          follow(cut, g, second);
      }
    };
    return c.run(std::min<int64_t>(c.threads, cut.panel_count()), serve);
  }

 private:
  enum class step : uint8_t { first, taken, second };

  // What a group has so far of a part.
  struct alignas(64) chain {
    std::atomic<int64_t> next{0}; // panel
    std::atomic<bool> busy{false};
  };

  void open(const partition& cut);
  bool any_ready(const partition& cut) const;

  bool claim(int64_t panel) {
    std::atomic<step>& of = steps[size_t(panel)];
    step first = step::first;
    return of.load(std::memory_order_relaxed) == first && of.compare_exchange_strong(first, step::taken);
  }

  bool ready(const partition& cut, int64_t group, const chain& of) const {
    const int64_t p = of.next.load();
    return p < cut.groups[size_t(group) + 1] && steps[size_t(p)].load() == step::second;
  }

  // The second steps that the group is ready for. Who finds another thread at them leaves them to it, as that one looks
  // again when it has said that it is done.
  template<class Second> void follow(const partition& cut, int64_t group, const Second& second) {
    for (int part = 0; part < parts; part++) {
      chain& of = all[size_t(group * parts + part)];
      while (ready(cut, group, of) && !of.busy.exchange(true)) {
        for (; ready(cut, group, of); of.next++) {
          second(group, of.next.load(), part);
          unfinished--;
        }
        of.busy.store(false);
      }
    }
  }

  int64_t most_panels = 0;
  int64_t most_groups = 0;
  std::unique_ptr<std::atomic<step>[]> steps;
  std::unique_ptr<chain[]> all; // groups x parts
  std::atomic<int64_t> next_group{0};
  std::atomic<int64_t> unfinished{0}; // parts of second steps
};

} // namespace nonneg
