#include "dense_products.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

// Fewer groups would leave threads idle; a larger accumulator would leave the cache.
constexpr int64_t fewest_groups = 8;
constexpr int64_t largest_accumulator = int64_t(1) << 19;

// Columns of one step of X·Ht in two passes: a few hundred kilobytes of a panel, between two looks at an abort.
constexpr int64_t step_columns = 512;

// Panels of columns: whole blocks of either element type.
constexpr int64_t column_panel = 2 * column_block<float>;

// Columns in whole vectors of every instruction set.
template<class T> int64_t whole_vectors(int64_t columns) {
  constexpr int64_t line = 64 / sizeof(T);
  return (columns + line - 1) / line * line;
}

// By the padded rank, as everything that is allocated for each group goes by it.
int64_t groups_for_fusion(int64_t rows, int64_t columns, int64_t rank) {
  if (columns * rank > largest_accumulator)
    return 0;
  const int64_t most = std::min(most_groups(rank), rows / (2 * panel_rows));
  const int64_t most_elements = std::max(int64_t(1) << 24, rows * columns / 4);
  int64_t groups = 1;
  while (2 * groups <= most && 2 * groups * columns * rank <= most_elements)
    groups *= 2;
  return groups >= fewest_groups ? groups : 0;
}

// Tasks enough for many threads, each short enough to be aborted between them; both cost rows x rank elements per
// split.
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
dense_products<T>::dense_products(const matrix<T>& X, int64_t rank, const operands<T>& f, bool fuse)
    : X(X), rank(f.rank), components((rank + 3) / 4 * 4), packed(f.kernels->grain_of(components) > 1),
      fused_groups(fuse ? groups_for_fusion(X.rows, X.columns, f.rank) : 0),
      splits(fused_groups > 0 ? 1 : splits_of_columns(X.rows, X.columns)) {}

template<class T> double dense_products<T>::bytes() const {
  const double by_components = double(packed) * double(components) * double(X.ld()) +
                               double(fused_groups) * double(column_elements<T>(components, X.columns));
  const double split = splits > 1 ? double(splits) * double(X.rows) * double(rank) : 0;
  return sizeof(T) * (by_components + split);
}

template<class T> bool dense_products<T>::allocate() {
  return H.allocate(packed ? components * X.ld() : 0) &&
         accumulators.allocate(fused_groups * column_elements<T>(components, X.columns)) &&
         parts.allocate(splits > 1 ? splits * X.rows * rank : 0);
}

template<class T> int64_t dense_products<T>::longest_rows() const {
  return fused_groups > 0 ? panel_rows : panel_length(X.rows);
}

template<class T> int64_t dense_products<T>::longest_columns() const {
  const int64_t share = X.columns / 64 / column_panel * column_panel;
  return std::clamp<int64_t>(share, column_panel, 4 * column_panel);
}

template<class T> partition dense_products<T>::cut_rows() const {
  return cut_evenly(X.rows, longest_rows(), fused_groups > 0 ? fused_groups : most_groups(rank));
}

template<class T> partition dense_products<T>::cut_columns() const {
  return cut_evenly(X.columns, longest_columns(), most_groups(rank));
}

template<class T> partition dense_products<T>::cut_batch(const row_range& rows) const {
  return nonneg::cut_batch(rows.first, rows.count, panel_rows, most_groups(rank));
}

// The fused plan needs room for columns in batches alone.
template<class T> int64_t dense_products<T>::scratch() const {
  return std::max(longest_rows() * rank, column_elements<T>(components, longest_columns()));
}

template<class T> void dense_products<T>::columns_set() {
  H_is_current = false;
}

template<class T> void dense_products<T>::columns_moved(const operands<T>& f, int64_t first, int64_t count) {
  if (packed)
    f.kernels->pack_grains(first, count, components, f.Ht + first * rank, rank, H.get(), X.ld());
}

// N = columns begin … end of the panel's rows of X times these of H.
template<class T>
void dense_products<T>::product(const operands<T>& f, int64_t first, int64_t count, int64_t begin, int64_t end,
                                T* N) const {
  const T* const x = X.row(first) + begin;
  if (packed) {
    f.kernels->grain_products(count, begin, whole_vectors<T>(end - begin), components, x, X.ld(), H.get(), X.ld(), N,
                              rank);
    for (int64_t i = 0; i < count; i++)
      for (int64_t r = components; r < rank; r++)
        N[i * rank + r] = 0;
  } else {
    f.kernels->xht_dense(count, end - begin, rank, x, X.ld(), f.Ht + begin * rank, rank, N, rank);
  }
}

template<class T> bool dense_products<T>::before_rows(const operands<T>& f, const crew& c, const row_range& rows) {
  if (packed && !H_is_current) {
    const int64_t length = longest_columns();
    const bool whole = c.run((X.columns + length - 1) / length, [&](int64_t index, int) {
      columns_moved(f, index * length, std::min(length, X.columns - index * length));
    });
    if (!whole)
      return false;
    H_is_current = true;
  }
  if (splits == 1)
    return true;
  const int64_t length = panel_length(X.rows), end = rows.first + rows.count;
  const int64_t panels = (rows.count + length - 1) / length;
  return c.run(panels * splits, [&](int64_t index, int) {
    const int64_t split = index % splits;
    const int64_t first = rows.first + index / splits * length;
    const int64_t count = std::min(length, end - first);
    const auto bound = [&](int64_t s) { return s == splits ? X.columns : whole_vectors<T>(s * X.columns / splits); };
    if (!c.stop())
      product(f, first, count, bound(split), bound(split + 1), parts.get() + (split * X.rows + first) * rank);
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
  const int64_t block = fused_groups > 0 ? std::max<int64_t>(X.columns, 1) : step_columns;
  for (int64_t j = 0; j == 0 || j < X.columns; j += block) {
    if (c.stop())
      return false;
    T* const out = j == 0 ? N : scratch;
    product(f, first, count, j, std::min(j + block, X.columns), out);
    if (out == scratch)
      add(count * rank, scratch, N);
  }
  return true;
}

template<class T>
void dense_products<T>::rows_moved(const operands<T>& f, int64_t group, bool opens, int64_t first, int64_t count,
                                   int part) {
  if (fused_groups == 0)
    return;
  constexpr int64_t block = column_block<T>;
  const int64_t blocks = (X.columns + block - 1) / block;
  const int64_t begin = part * blocks / row_parts() * block;
  const int64_t end = std::min((part + 1) * blocks / row_parts() * block, X.columns);
  f.kernels->column_products(count, whole_vectors<T>(end - begin), components, X.row(first) + begin, X.ld(),
                             f.W + first * rank, rank, accumulator(group) + begin * components, !opens);
}

template<class T>
void dense_products<T>::columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) {
  if (fused_groups == 0)
    return columns_of(f, c, f.W, {0, X.rows}, first, count, A, scratch);
  const T* const B = accumulator(0) + first * components; // `first` opens a block
  sum_columns(f, fused_groups, column_elements<T>(components, X.columns), count, B, A);
}

template<class T>
void dense_products<T>::columns_of(const operands<T>& f, const crew& c, const T* W, const row_range& rows,
                                   int64_t first, int64_t count, T* A, T* scratch) {
  const int64_t end = rows.first + rows.count;
  for (int64_t i = rows.first; (i == rows.first || i < end) && !c.stop(); i += panel_rows) {
    const int64_t height = std::min<int64_t>(panel_rows, end - i);
    f.kernels->column_products(height, whole_vectors<T>(count), components, X.row(i) + first, X.ld(), W + i * rank,
                               rank, scratch, i > rows.first);
  }
  sum_columns(f, 1, 0, count, scratch, A);
}

// A = the sum of so many products, `step` elements apart.
template<class T>
void dense_products<T>::sum_columns(const operands<T>& f, int64_t groups, int64_t step, int64_t count, const T* B,
                                    T* A) const {
  f.kernels->column_sums(groups, step, count, components, B, A, rank);
  for (int64_t j = 0; j < count && components < rank; j++)
    memset(A + j * rank + components, 0, size_t(rank - components) * sizeof(T));
}

template<class T> double dense_products<T>::squared_norm(const operands<T>& f, int64_t first, int64_t count) const {
  double sum = 0;
  for (int64_t i = first; i < first + count; i++)
    sum += f.kernels->dot(X.columns, X.row(i), X.row(i));
  return sum;
}

template class dense_products<float>;
template class dense_products<double>;

} // namespace nonneg
