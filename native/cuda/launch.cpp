#include "launch.h"

#include <algorithm>

namespace nonneg::cuda {

namespace {

// as in tile.cuh, gram.cu, dot.cu, xht_csr.cu and add_splits.cu
constexpr int64_t TALL = 128;
constexpr int64_t DEPTH = 32;
constexpr unsigned THREADS = 256;

// About four blocks for each multiprocessor of the largest devices; beyond that, more splits only cost memory traffic.
constexpr int64_t BLOCKS_WANTED = 512;

// A shorter share of the sum does not pay for its part of the second stage.
constexpr int64_t SHORTEST_SPLIT = 128;

int64_t ceil_div(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}

int64_t width_for(int64_t rank) {
  return rank <= 16 ? 16 : rank <= 32 ? 32 : 64;
}

unsigned threads_for(int64_t width) {
  return width == 16 ? 128 : 256;
}

product_plan plan(int64_t width, int64_t tall_tiles, int64_t rank_tiles, int64_t length, int64_t depth) {
  const int64_t tiles = std::max<int64_t>(1, tall_tiles * rank_tiles);
  const int64_t most = ceil_div(depth, SHORTEST_SPLIT);
  const int64_t wanted = std::clamp<int64_t>(ceil_div(BLOCKS_WANTED, tiles), 1, std::max<int64_t>(1, most));
  const int64_t step = std::max(DEPTH, ceil_div(ceil_div(depth, wanted), DEPTH) * DEPTH);
  return {width, tall_tiles, rank_tiles, std::max<int64_t>(1, ceil_div(depth, step)), step, length};
}

launch_size grid_of(const product_plan& cut) {
  return {static_cast<unsigned>(cut.tall_tiles), static_cast<unsigned>(cut.rank_tiles),
          static_cast<unsigned>(cut.splits)};
}

kernel by_width(int64_t width, kernel narrow, kernel middle, kernel wide) {
  return width == 16 ? narrow : width == 32 ? middle : wide;
}

void add_splits(queue& on, const product_plan& cut, device_address workspace, device_address out, bool accumulate) {
  if (cut.splits == 1)
    return;
  const unsigned across = cut.splits >= 8 ? 32 : THREADS;
  const unsigned blocks = static_cast<unsigned>(std::min<int64_t>(ceil_div(cut.length, across), 1 << 20));
  on.launch(kernel::add_splits, {blocks}, {across, THREADS / across}, workspace, out, cut.length,
            static_cast<int32_t>(cut.splits), int32_t{accumulate});
}

} // namespace

product_plan plan_product(int64_t tall, int64_t rank, int64_t depth) {
  const int64_t width = width_for(rank);
  return plan(width, ceil_div(tall, TALL), ceil_div(rank, width), tall * rank, depth);
}

product_plan plan_gram(int64_t rows, int64_t rank) {
  const int64_t width = width_for(rank);
  const int64_t tiles = ceil_div(rank, width);
  return plan(width, tiles, tiles, rank * rank, rows);
}

void xht_dense(queue& on, device_address X, device_address Ht, device_address N, int64_t rows, int64_t columns,
               int64_t rank, int64_t stride, device_address workspace) {
  const product_plan cut = plan_product(rows, rank, columns);
  const kernel which = by_width(cut.width, kernel::xht_dense_16, kernel::xht_dense_32, kernel::xht_dense_64);
  on.launch(which, grid_of(cut), {threads_for(cut.width)}, X, Ht, cut.splits > 1 ? workspace : N, rows, columns,
            static_cast<int32_t>(rank), stride, cut.step);
  add_splits(on, cut, workspace, N, false);
}

void xtw_dense(queue& on, device_address X, device_address W, device_address A, int64_t rows, int64_t columns,
               int64_t rank, int64_t stride, bool accumulate, device_address workspace) {
  const product_plan cut = plan_product(columns, rank, rows);
  const kernel which = by_width(cut.width, kernel::xtw_dense_16, kernel::xtw_dense_32, kernel::xtw_dense_64);
  const bool split = cut.splits > 1;
  on.launch(which, grid_of(cut), {threads_for(cut.width)}, X, W, split ? workspace : A, rows, columns,
            static_cast<int32_t>(rank), stride, cut.step, int32_t{accumulate && !split});
  add_splits(on, cut, workspace, A, accumulate);
}

void xht_csr(queue& on, device_address indptr, device_address indices, device_address values, device_address Ht,
             device_address N, int64_t rows, int64_t rank) {
  const int64_t lanes = rank <= 8 ? 8 : rank <= 16 ? 16 : 32;
  const kernel which = lanes == 8 ? kernel::xht_csr_8 : lanes == 16 ? kernel::xht_csr_16 : kernel::xht_csr_32;
  const launch_size grid = {static_cast<unsigned>(ceil_div(rows, THREADS / lanes)),
                            static_cast<unsigned>(ceil_div(rank, lanes))};
  on.launch(which, grid, {THREADS}, indptr, indices, values, Ht, N, rows, static_cast<int32_t>(rank));
}

void gram(queue& on, device_address F, device_address G, int64_t rows, int64_t rank, bool accumulate,
          device_address workspace) {
  const product_plan cut = plan_gram(rows, rank);
  const kernel which = by_width(cut.width, kernel::gram_16, kernel::gram_32, kernel::gram_64);
  const bool split = cut.splits > 1;
  on.launch(which, grid_of(cut), {THREADS}, F, split ? workspace : G, rows, static_cast<int32_t>(rank), cut.step,
            int32_t{accumulate && !split});
  add_splits(on, cut, workspace, G, accumulate);
}

void mu_update(queue& on, device_address F, device_address N, device_address G, device_address out, int64_t rows,
               int64_t rank) {
  const int64_t width = width_for(rank);
  const kernel which = by_width(width, kernel::mu_update_16, kernel::mu_update_32, kernel::mu_update_64);
  const launch_size grid = {static_cast<unsigned>(ceil_div(rows, TALL)), static_cast<unsigned>(ceil_div(rank, width))};
  on.launch(which, grid, {threads_for(width)}, F, N, G, out, rows, static_cast<int32_t>(rank));
}

void dot(queue& on, device_address a, device_address b, device_address sum, int64_t length, device_address workspace) {
  const int64_t blocks = std::clamp<int64_t>(ceil_div(length, 8 * THREADS), 1, DOT_PARTS);
  on.launch(kernel::dot, {static_cast<unsigned>(blocks)}, {THREADS}, a, b, workspace, length);
  on.launch(kernel::dot_finish, {1}, {THREADS}, workspace, sum, static_cast<int32_t>(blocks));
}

} // namespace nonneg::cuda
