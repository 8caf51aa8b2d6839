// How a dimension is cut. Panels are what a kernel works on and where an abort is looked at; groups of neighbouring
// panels are what the threads take, each with its own partial sums. Both follow from the problem alone, never from the
// thread count: the partial sums are added in the order of the groups, so the bits do not depend on the threads either.
#pragma once

#include <cstdint>
#include <vector>

namespace nonneg {

struct partition {
  std::vector<int64_t> panels; // boundaries: panel p is panels[p] … panels[p + 1]
  std::vector<int64_t> groups; // boundaries in panels

  int64_t panel_count() const { return panels.empty() ? 0 : int64_t(panels.size()) - 1; }
  int64_t group_count() const { return groups.empty() ? 0 : int64_t(groups.size()) - 1; }
};

// Groups enough for many threads, few enough for their rank x rank partial sums to stay small.
int64_t most_groups(int64_t rank);

// Panels of a dimension of this length: multiples of panel_rows, larger where there are very many.
int64_t panel_length(int64_t total);

// Panels of `length`, in groups of equal size.
partition cut_evenly(int64_t total, int64_t length, int64_t groups);

// Rows first … first + count of a batch: panels of at most `longest` rows, shorter where they would be too few to
// occupy many threads.
partition cut_batch(int64_t first, int64_t count, int64_t longest, int64_t groups);

// Panels of the CSR rows first … last: at most panel_rows rows and about `most_entries` entries; groups of about equal
// work, where a row costs as much as `row_cost` entries.
partition cut_by_entries(int64_t first, int64_t last, const uint32_t* indptr, int64_t most_entries, int64_t row_cost,
                         int64_t groups);

} // namespace nonneg
