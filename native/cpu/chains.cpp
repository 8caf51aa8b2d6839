#include "chains.h"

namespace nonneg {

void chains::admit(const partition& cut) {
  if (cut.panel_count() > most_panels) {
    steps.reset(new std::atomic<step>[size_t(cut.panel_count())]);
    most_panels = cut.panel_count();
  }
  if (cut.group_count() > most_groups) {
    all.reset(new chain[size_t(cut.group_count() * parts)]);
    most_groups = cut.group_count();
  }
}

void chains::open(const partition& cut) {
  next_group = 0;
  unfinished = parts * cut.panel_count();
  for (int64_t p = 0; p < cut.panel_count(); p++)
    steps[size_t(p)].store(step::first, std::memory_order_relaxed);
  for (int64_t g = 0; g < cut.group_count(); g++) {
    for (int part = 0; part < parts; part++)
      all[size_t(g * parts + part)].next.store(cut.groups[size_t(g)], std::memory_order_relaxed);
  }
}

bool chains::any_ready(const partition& cut) const {
  for (int64_t g = 0; g < cut.group_count(); g++) {
    for (int part = 0; part < parts; part++) {
      const chain& of = all[size_t(g * parts + part)];
      if (!of.busy && ready(cut, g, of))
        return true;
    }
  }
  return false;
}

} // namespace nonneg
