#include "dense_products.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

// Fewer groups would leave threads idle; a larger accumulator would leave the cache.
constexpr int64_t fewest_groups = 8;
constexpr int64_t largest_accumulator = int64_t(1) << 19;

// Columns of one step of X·Ht in two passes: a few hundred kilobytes of a panel, so that the rows of Ht stay cached.
constexpr int64_t column_block = 512;

int64_t groups_for_fusion(int64_t rows, int64_t columns, int64_t rank) {
  if (columns * rank > largest_accumulator)
    return 0;
  const int64_t most = std::min(most_groups(rank), rows / (2 * panel_rows));
  const int64_t most_floats = std::max(int64_t(1) << 24, rows * columns / 4);
  int64_t groups = 1;
  while (2 * groups <= most && 2 * groups * columns * rank <= most_floats)
    groups *= 2;
  return groups >= fewest_groups ? groups : 0;
}

// Tasks enough for many threads, each short enough to be aborted between them; both cost rows x rank floats per split.
int64_t splits_of_columns(int64_t rows, int64_t columns) {
  constexpr int64_t tasks = 64, shortest = 1024, longest = 4096;
  const int64_t panels = (rows + panel_length(rows) - 1) / panel_length(rows);
  if (panels == 0 || panels >= tasks)
    return 1;
  const int64_t wanted = std::max(tasks / panels, columns / longest);
  return std::max<int64_t>(std::min(wanted, columns / shortest), 1);
}

template<class T> void add(int64_t count, const T* from, T* to) {
  for (int64_t i = 0; i < count; i++)
    to[i] += from[i];
}

} // namespace

template<class T>
dense_products<T>::dense_products(const matrix<T>& X, int64_t rank, bool fuse)
    : X(X), rank(rank), fused_groups(fuse ? groups_for_fusion(X.rows, X.columns, rank) : 0),
      splits(fused_groups > 0 ? 1 : splits_of_columns(X.rows, X.columns)) {}

template<class T> double dense_products<T>::bytes() const {
  const double accumulated = double(fused_groups) * double(X.columns) * double(rank);
  const double split = splits > 1 ? double(splits) * double(X.rows) * double(rank) : 0;
  return sizeof(T) * (accumulated + split);
}

template<class T> bool dense_products<T>::allocate() {
  return accumulators.allocate(fused_groups * X.columns * rank) &&
         parts.allocate(splits > 1 ? splits * X.rows * rank : 0);
}

template<class T> int64_t dense_products<T>::longest_rows() const {
  return fused_groups > 0 ? panel_rows : panel_length(X.rows);
}

template<class T> int64_t dense_products<T>::longest_columns() const {
  return panel_length(X.columns);
}

template<class T> partition dense_products<T>::cut_rows() const {
  return cut_evenly(X.rows, longest_rows(), fused_groups > 0 ? fused_groups : most_groups(rank));
}

template<class T> partition dense_products<T>::cut_columns() const {
  return cut_evenly(X.columns, longest_columns(), most_groups(rank));
}

template<class T> int64_t dense_products<T>::scratch() const {
  const int64_t part = longest_rows() * rank;
  const int64_t block = fused_groups > 0 ? 0 : panel_rows * padded_stride<T>(longest_columns());
  return std::max(part, block);
}

template<class T> bool dense_products<T>::before_rows(const operands<T>& f, const crew& c) {
  if (splits == 1)
    return true;
  const int64_t length = panel_length(X.rows);
  const int64_t panels = (X.rows + length - 1) / length;
  return c.run(panels * splits, [&](int64_t index, int) {
    const int64_t split = index % splits;
    const int64_t first = index / splits * length;
    const int64_t count = std::min(length, X.rows - first);
    const int64_t begin = split * X.columns / splits, end = (split + 1) * X.columns / splits;
    T* const N = parts.get() + (split * X.rows + first) * rank;
    if (c.stop())
      return;
    f.kernels->xht_dense(count, end - begin, rank, X.row(first) + begin, X.ld(), f.Ht + begin * rank, rank, N, rank);
  });
}

template<class T>
bool dense_products<T>::rows(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* N, T* scratch) {
  if (splits > 1) {
    memcpy(N, parts.get() + first * rank, size_t(count * rank) * sizeof(T));
    for (int64_t s = 1; s < splits; s++)
      add(count * rank, parts.get() + (s * X.rows + first) * rank, N);
    return true;
  }
  const int64_t block = fused_groups > 0 ? X.columns : column_block;
  for (int64_t j = 0; j < X.columns; j += block) {
    if (c.stop())
      return false;
    const int64_t width = std::min(block, X.columns - j);
    T* const out = j == 0 ? N : scratch;
    f.kernels->xht_dense(count, width, rank, X.row(first) + j, X.ld(), f.Ht + j * rank, rank, out, rank);
    if (out == scratch)
      add(count * rank, scratch, N);
  }
  return true;
}

template<class T>
void dense_products<T>::rows_moved(const operands<T>& f, int64_t group, bool opens, int64_t first, int64_t count) {
  if (fused_groups == 0)
    return;
  T* const A = accumulator(group);
  if (opens)
    memset(A, 0, size_t(X.columns * rank) * sizeof(T));
  f.kernels->xtw_dense(count, X.columns, rank, X.row(first), X.ld(), f.W + first * rank, rank, A, rank);
}

template<class T>
void dense_products<T>::columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) {
  const size_t bytes = size_t(count * rank) * sizeof(T);
  if (fused_groups > 0) {
    memcpy(A, accumulator(0) + first * rank, bytes);
    for (int64_t g = 1; g < fused_groups; g++)
      add(count * rank, accumulator(g) + first * rank, A);
    return;
  }
  memset(A, 0, bytes);
  // Copied first, row by row: the kernel walks down the columns, and nothing would prefetch these rows from memory.
  const int64_t ld = padded_stride<T>(count);
  for (int64_t i = 0; i < X.rows && !c.stop(); i += panel_rows) {
    const int64_t height = std::min<int64_t>(panel_rows, X.rows - i);
    for (int64_t r = 0; r < height; r++)
      memcpy(scratch + r * ld, X.row(i + r) + first, size_t(count) * sizeof(T));
    f.kernels->xtw_dense(height, count, rank, scratch, ld, f.W + i * rank, rank, A, rank);
  }
}

template class dense_products<float>;
template class dense_products<double>;

} // namespace nonneg
