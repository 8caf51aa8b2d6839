#include "chains.h"

namespace nonneg {

void chains::admit(const partition& cut) {
  if (cut.panel_count() > most_panels) {
    panels.reset(new panel_state[size_t(cut.panel_count())]);
    most_panels = cut.panel_count();
  }
  if (cut.group_count() > most_groups) {
    all.reset(new chain[size_t(cut.group_count() * most_parts)]);
    most_groups = cut.group_count();
  }
}

void chains::open(const partition& cut, int parts) {
  next_group = 0;
  for (int64_t p = 0; p < cut.panel_count(); p++)
    panels[size_t(p)].next.store(step::first, std::memory_order_relaxed);
  for (int64_t g = 0; g < cut.group_count(); g++) {
    for (int part = 0; part < parts; part++)
      all[size_t(g * most_parts + part)].next.store(cut.groups[size_t(g)], std::memory_order_relaxed);
  }
}

chains::outlook chains::look(const partition& cut, int parts) const {
  outlook seen = outlook::done;
  for (int64_t g = 0; g < cut.group_count(); g++) {
    for (int part = 0; part < parts; part++) {
      const chain& of = all[size_t(g * most_parts + part)];
      if (!of.busy && ready(cut, g, of))
        return outlook::ready;
      if (of.next < cut.groups[size_t(g) + 1])
        seen = outlook::waiting;
    }
  }
  return seen;
}

} // namespace nonneg
