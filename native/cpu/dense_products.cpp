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

// Rows a kilobyte or a multiple of it apart fall into few sets of a cache: walking down a column would evict itself.
int64_t padded_stride(int64_t columns) {
  const int64_t stride = (columns + 15) / 16 * 16;
  return stride % 256 == 0 ? stride + 16 : stride;
}

int64_t groups_for_fusion(int64_t rows, int64_t columns, int64_t rank) {
  if (columns * rank > largest_accumulator)
    return 0;
  const int64_t most = std::min(most_groups(rank), rows / (2 * NONNEG_PANEL));
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

void add(int64_t count, const float* from, float* to) {
  for (int64_t i = 0; i < count; i++)
    to[i] += from[i];
}

status refuse(const char* message) {
  return {status_code::backend, message};
}

} // namespace

dense_products::dense_products(int64_t rows, int64_t columns, int64_t rank, bool fuse)
    : row_count(rows), column_count(columns), rank(rank), ldx(padded_stride(columns)),
      fused_groups(fuse ? groups_for_fusion(rows, columns, rank) : 0) {
  if (fused_groups == 0)
    splits = splits_of_columns(rows, columns);
}

double dense_products::bytes() const {
  const double accumulated = double(fused_groups) * double(column_count) * double(rank);
  const double split = splits > 1 ? double(splits) * double(row_count) * double(rank) : 0;
  return 4 * (double(row_count) * double(ldx) + accumulated + split);
}

status dense_products::allocate() {
  const bool done = X.allocate(row_count * ldx) && accumulators.allocate(fused_groups * column_count * rank) &&
                    parts.allocate(splits > 1 ? splits * row_count * rank : 0);
  return done ? status{} : status{status_code::memory, "no memory for a copy of X"};
}

status dense_products::upload_dense(int64_t first, int64_t count, const float* values) {
  for (int64_t i = 0; i < count; i++) {
    memcpy(X.get() + (first + i) * ldx, values + i * column_count, size_t(column_count) * sizeof(float));
  }
  return {};
}

status dense_products::upload_indptr(bool, const uint32_t*) {
  return refuse("X is dense");
}

status dense_products::upload_entries(bool, int64_t, int64_t, const uint32_t*, const float*) {
  return refuse("X is dense");
}

partition dense_products::cut_rows() const {
  if (fused_groups > 0)
    return cut_evenly(row_count, NONNEG_PANEL, fused_groups);
  return cut_evenly(row_count, panel_length(row_count), most_groups(rank));
}

partition dense_products::cut_columns() const {
  return cut_evenly(column_count, panel_length(column_count), most_groups(rank));
}

int64_t dense_products::scratch() const {
  const int64_t panel = fused_groups > 0 ? NONNEG_PANEL : panel_length(row_count);
  const int64_t block = fused_groups > 0 ? 0 : NONNEG_PANEL * padded_stride(panel_length(column_count));
  return std::max(NONNEG_MU_SCRATCH(rank) + 2 * panel * rank, block);
}

bool dense_products::before_rows(const operands& f, const crew& c) {
  if (splits == 1)
    return true;
  const int64_t length = panel_length(row_count);
  const int64_t panels = (row_count + length - 1) / length;
  return c.run(panels * splits, [&](int64_t index, int) {
    const int64_t split = index % splits;
    const int64_t first = index / splits * length;
    const int64_t count = std::min(length, row_count - first);
    const int64_t begin = split * column_count / splits, end = (split + 1) * column_count / splits;
    float* const N = parts.get() + (split * row_count + first) * rank;
    if (c.stop())
      return;
    f.kernels->xht_dense(count, end - begin, rank, row(first) + begin, ldx, f.Ht + begin * rank, rank, N, rank);
  });
}

bool dense_products::product(const operands& f, const crew& c, int64_t first, int64_t count, float* N, float* scratch) {
  if (splits > 1) {
    memcpy(N, parts.get() + first * rank, size_t(count * rank) * sizeof(float));
    for (int64_t s = 1; s < splits; s++)
      add(count * rank, parts.get() + (s * row_count + first) * rank, N);
    return true;
  }
  for (int64_t j = 0; j < column_count; j += column_block) {
    if (c.stop())
      return false;
    const int64_t width = std::min(column_block, column_count - j);
    float* const out = j == 0 ? N : scratch;
    f.kernels->xht_dense(count, width, rank, row(first) + j, ldx, f.Ht + j * rank, rank, out, rank);
    if (out == scratch)
      add(count * rank, scratch, N);
  }
  return true;
}

void dense_products::update_rows(const operands& f, const crew& c, int64_t group, bool opens, int64_t first,
                                 int64_t count, float* S, float* scratch) {
  float* const w = f.W + first * rank;
  if (fused_groups > 0) {
    float* const A = accumulator(group);
    if (opens)
      memset(A, 0, size_t(column_count * rank) * sizeof(float));
    f.kernels->sweep_dense(count, column_count, rank, row(first), ldx, f.Ht, rank, f.G, rank, w, rank, A, rank, S, rank,
                           scratch);
    return;
  }
  float* const N = scratch + NONNEG_MU_SCRATCH(rank);
  if (!product(f, c, first, count, N, N + count * rank))
    return;
  f.kernels->mu_update(count, rank, w, rank, N, rank, f.G, rank, scratch);
  f.kernels->gram(count, rank, w, rank, S, rank);
}

void dense_products::visit_rows(const operands& f, int64_t group, bool opens, int64_t first, int64_t count, float* S) {
  const float* const w = f.W + first * rank;
  if (fused_groups > 0) {
    float* const A = accumulator(group);
    if (opens)
      memset(A, 0, size_t(column_count * rank) * sizeof(float));
    f.kernels->xtw_dense(count, column_count, rank, row(first), ldx, w, rank, A, rank);
  }
  f.kernels->gram(count, rank, w, rank, S, rank);
}

void dense_products::columns(const operands& f, const crew& c, int64_t first, int64_t count, float* A, float* scratch) {
  const size_t bytes = size_t(count * rank) * sizeof(float);
  if (fused_groups > 0) {
    memcpy(A, accumulator(0) + first * rank, bytes);
    for (int64_t g = 1; g < fused_groups; g++)
      add(count * rank, accumulator(g) + first * rank, A);
    return;
  }
  memset(A, 0, bytes);
  // Copied first, row by row: the kernel walks down the columns, and nothing would prefetch these rows from memory.
  const int64_t ld = padded_stride(count);
  for (int64_t i = 0; i < row_count && !c.stop(); i += NONNEG_PANEL) {
    const int64_t height = std::min<int64_t>(NONNEG_PANEL, row_count - i);
    for (int64_t r = 0; r < height; r++)
      memcpy(scratch + r * ld, row(i + r) + first, size_t(count) * sizeof(float));
    f.kernels->xtw_dense(height, count, rank, scratch, ld, f.W + i * rank, rank, A, rank);
  }
}

} // namespace nonneg
