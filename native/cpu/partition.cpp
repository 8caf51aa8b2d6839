#include "partition.h"

#include "../include/kernels.h"

#include <algorithm>

namespace nonneg {

int64_t most_groups(int64_t rank) {
  constexpr int64_t floats = int64_t(1) << 24;
  return std::clamp<int64_t>(floats / (rank * rank), 4, 64);
}

int64_t panel_length(int64_t total) {
  const int64_t share = total / 64 / panel_rows * panel_rows;
  return std::clamp<int64_t>(share, panel_rows, 4 * panel_rows);
}

partition cut_evenly(int64_t total, int64_t length, int64_t groups) {
  partition cut;
  for (int64_t at = 0; at < total; at += length)
    cut.panels.push_back(at);
  if (total > 0)
    cut.panels.push_back(total);
  const int64_t panels = cut.panel_count();
  groups = std::min(groups, panels);
  for (int64_t g = 0; g <= groups; g++)
    cut.groups.push_back(groups > 0 ? g * panels / groups : 0);
  return cut;
}

partition cut_batch(int64_t first, int64_t count, int64_t longest, int64_t groups) {
  constexpr int64_t tile = 14; // rows that suit the register tiles
  partition cut = cut_evenly(count, std::clamp(count / 32 / tile * tile, tile, longest), groups);
  for (int64_t& boundary : cut.panels)
    boundary += first;
  return cut;
}

partition cut_by_entries(int64_t first, int64_t last, const uint32_t* indptr, int64_t most_entries, int64_t row_cost,
                         int64_t groups) {
  partition cut;
  if (first == last)
    return cut;
  cut.panels.push_back(first);
  for (int64_t begin = first; begin < last;) {
    int64_t end = begin + 1;
    while (end < last && end - begin < panel_rows && int64_t(indptr[end + 1]) - indptr[begin] <= most_entries)
      end++;
    cut.panels.push_back(end);
    begin = end;
  }
  const auto work_before = [&](int64_t row) { return int64_t(indptr[row]) - indptr[first] + (row - first) * row_cost; };
  const int64_t work = work_before(last);
  groups = std::min(groups, cut.panel_count());
  cut.groups.push_back(0);
  for (int64_t p = 1; p < cut.panel_count(); p++) {
    const int64_t filled = int64_t(cut.groups.size());
    // in floating point: the product of work and groups need not fit an integer
    if (filled < groups &&
        double(work_before(cut.panels[size_t(p)])) >= double(work) * double(filled) / double(groups)) {
      cut.groups.push_back(p);
    }
  }
  cut.groups.push_back(cut.panel_count());
  return cut;
}

} // namespace nonneg
