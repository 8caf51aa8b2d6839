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
  // Of a second step: each part adds to something of its own.
  static constexpr int most_parts = 2;

  // Makes room for this cut too; throws bad_alloc.
  void admit(const partition& cut);

  // first(panel, worker), which tells whether it was not cancelled, and then second(group, panel, part) for all panels
  // of the cut and so many parts; false when the job was cancelled.
  template<class First, class Second>
  bool run(const crew& c, const partition& cut, int parts, const First& first, const Second& second) {
    open(cut, parts);
    const int64_t groups = cut.group_count();
    const auto serve = [&](int64_t, int worker) {
      const auto work_on = [&](int64_t group) {
        for (int64_t p = cut.groups[size_t(group)]; p < cut.groups[size_t(group) + 1]; p++) {
          if (!c.stop() && claim(p) && first(p, worker))
            panels[size_t(p)].next.store(step::second);
          follow(cut, group, parts, second);
        }
      };
      for (int64_t g = next_group++; g < groups; g = next_group++)
        work_on(g);
      for (int64_t g = 0; cut.panel_count() > groups && g < groups; g++) // where one has panels left
        work_on(g);
      // a whole second step is its own thread's: it would not be worth the wait
      outlook seen = outlook::ready;
      const auto changed = [&] { return (seen = look(cut, parts)) != outlook::waiting; };
      while (parts > 1 && !c.stop() && spin_until(changed) && seen == outlook::ready) {
        for (int64_t g = 0; g < groups; g++)
          follow(cut, g, parts, second);
      }
    };
    return c.run(std::min<int64_t>(c.threads, cut.panel_count()), serve);
  }

 private:
  enum class step { first, taken, second };
  enum class outlook { done, waiting, ready }; // for second steps

  // Each in a cache line of its own: threads at work in different groups do not meet.
  struct alignas(64) panel_state {
    std::atomic<step> next{step::first};
  };

  // What a group has so far of a part.
  struct alignas(64) chain {
    std::atomic<int64_t> next{0}; // panel
    std::atomic<bool> busy{false};
  };

  void open(const partition& cut, int parts);
  outlook look(const partition& cut, int parts) const;

  bool claim(int64_t panel) {
    std::atomic<step>& of = panels[size_t(panel)].next;
    step first = step::first;
    return of.load(std::memory_order_relaxed) == first && of.compare_exchange_strong(first, step::taken);
  }

  bool ready(const partition& cut, int64_t group, const chain& of) const {
    const int64_t p = of.next.load();
    return p < cut.groups[size_t(group) + 1] && panels[size_t(p)].next.load() == step::second;
  }

  // The second steps that the group is ready for. Who finds another thread at them leaves them to it, as that one looks
  // again when it has said that it is done.
  template<class Second> void follow(const partition& cut, int64_t group, int parts, const Second& second) {
    for (int part = 0; part < parts; part++) {
      chain& of = all[size_t(group * most_parts + part)];
      while (ready(cut, group, of) && !of.busy.exchange(true)) {
        for (; ready(cut, group, of); of.next++)
          second(group, of.next.load(), part);
        of.busy.store(false);
      }
    }
  }

  int64_t most_panels = 0;
  int64_t most_groups = 0;
  std::unique_ptr<panel_state[]> panels;
  std::unique_ptr<chain[]> all; // groups x most_parts
  std::atomic<int64_t> next_group{0};
};

} // namespace nonneg
