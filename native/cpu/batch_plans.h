// How the rows of batches are cut, kept for batches that come again.
#pragma once

#include "partition.h"

#include <map>
#include <utility>

namespace nonneg {

struct row_range {
  int64_t first = 0;
  int64_t count = 0;
};

struct batch_plan {
  partition cut;
  double squared_norm = -1; // of these rows of X; negative until it is known
};

class batch_plans {
 public:
  // The plan of these rows, cut by `cut()` where they are new; throws bad_alloc. It stays until the next call.
  template<class Cut> batch_plan& of(const row_range& rows, const Cut& cut) {
    const std::pair<int64_t, int64_t> key = {rows.first, rows.count};
    const auto found = known.find(key);
    if (found != known.end())
      return found->second;
    if (known.size() >= most)
      known.clear();
    batch_plan made;
    made.cut = cut();
    return known.emplace(key, std::move(made)).first->second;
  }

 private:
  static constexpr size_t most = 4096; // where no batch ever comes again

  std::map<std::pair<int64_t, int64_t>, batch_plan> known;
};

} // namespace nonneg
