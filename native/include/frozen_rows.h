// Rows of a factor that stay as they are, whatever its rule would make of them. Rows do not depend on each other, so
// that a panel of them is worked run by run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace nonneg {

class frozen_rows {
 public:
  // Takes so many rows, ascending, none twice; false without memory. Copies share them.
  bool assign(const uint32_t* from, int64_t count) {
    try {
      rows = count > 0 ? std::make_shared<const std::vector<uint32_t>>(from, from + count) : nullptr;
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  double bytes() const { return rows ? sizeof(uint32_t) * double(rows->size()) : 0; }

  // Calls act(first, count, stays) in order for the runs of rows that all move or all stay, which rows
  // first … first + count fall into. One run of all where none stay.
  template<class Act> void over(int64_t first, int64_t count, const Act& act) const {
    if (!rows)
      return act(first, count, false);
    const int64_t end = first + count;
    auto next = std::lower_bound(rows->begin(), rows->end(), first);
    for (int64_t at = first; at < end;) {
      const int64_t start = at;
      const bool stays = next != rows->end() && *next == at;
      if (!stays)
        at = next == rows->end() ? end : std::min<int64_t>(end, *next);
      for (; stays && at < end && next != rows->end() && *next == at; at++)
        ++next;
      act(start, at - start, stays);
    }
  }

  // The same for the runs that move: act(first, count).
  template<class Act> void over_moving(int64_t first, int64_t count, const Act& act) const {
    over(first, count, [&](int64_t at, int64_t many, bool stays) {
      if (!stays)
        act(at, many);
    });
  }

 private:
  std::shared_ptr<const std::vector<uint32_t>> rows; // null: none stay
};

} // namespace nonneg
