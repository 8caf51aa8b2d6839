#include "launch.h"

#include <algorithm>
#include <vector>

namespace nonneg::cuda {

namespace {

// as in tile.cuh, gram.cuh, mu_update.cu, dot.cu, xht_csr.cu and add_splits.cu
constexpr int64_t TALL = 128;
constexpr int64_t DEPTH = 16;
constexpr unsigned TILE_THREADS = 128;
constexpr int64_t MU_ROWS = 16;
constexpr unsigned CSR_THREADS = 128;
constexpr unsigned THREADS = 256;

// Rows of as many entries, on average, are worth a block each.
constexpr int64_t CSR_BLOCK_AVERAGE = 256;

// Blocks that run at once on 132 multiprocessors, the most of any device this was measured on: a few blocks more take
// as long as twice as many. Fixed here, not asked of the device, or the bits of a product would depend on it.
constexpr int64_t SLOTS = 4 * 132;
constexpr int64_t NARROW_SLOTS = 6 * 132;

// How many steps of the summed index a wave of blocks makes in the time that a tile of a share is written and read,
// times the tile's width.
constexpr int64_t STEPS_PER_SHARE = 450;

// A shorter share of the sum does not pay for its part of the second stage.
constexpr int64_t SHORTEST_SPLIT = 64;

// One block adds all shares of a Gram matrix's tile.
constexpr int64_t GRAM_SIDE = 32;
constexpr int64_t SHORTEST_GRAM_SPLIT = 128;
constexpr int64_t MOST_GRAM_SPLITS = 64;

int64_t ceil_div(int64_t value, int64_t by) {
  return (value + by - 1) / by;
}

int64_t width_for(int64_t rank) {
  return rank <= 16 ? 16 : rank <= 32 ? 32 : 64;
}

// Of an index of `depth` steps into about `wanted` parts: the steps of each.
int64_t step_for(int64_t depth, int64_t wanted, int64_t shortest) {
  const int64_t most = std::max<int64_t>(1, ceil_div(depth, shortest));
  const int64_t parts = std::clamp<int64_t>(wanted, 1, most);
  return std::max(DEPTH, ceil_div(ceil_div(depth, parts), DEPTH) * DEPTH);
}

// As many splits as fill one to four waves of blocks, whichever costs least.
int64_t best_step(int64_t depth, int64_t tiles, int64_t width) {
  const int64_t slots = width == 64 ? SLOTS : NARROW_SLOTS;
  const int64_t fewest = ceil_div(tiles, slots);
  int64_t best = 0, least = 0;
  for (int64_t filled = fewest; filled < fewest + 4; filled++) {
    const int64_t step = step_for(depth, filled * slots / tiles, SHORTEST_SPLIT);
    const int64_t blocks = tiles * ceil_div(depth, step);
    const int64_t cost = STEPS_PER_SHARE * ceil_div(blocks, slots) * step + blocks * width;
    if (best == 0 || cost < least) {
      best = step;
      least = cost;
    }
  }
  return best;
}

kernel by_width(int64_t width, kernel narrow, kernel middle, kernel wide) {
  return width == 16 ? narrow : width == 32 ? middle : wide;
}

launch_size grid_of(const product_plan& cut, const gram_task& beside) {
  const int64_t blocks = cut.tall_tiles * cut.rank_tiles * cut.splits;
  return {static_cast<unsigned>(blocks + beside.blocks)};
}

template<class T> T* pointer(device_address address) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

} // namespace

product_plan plan_product(int64_t tall, int64_t rank, int64_t depth) {
  const int64_t width = width_for(rank);
  const int64_t tall_tiles = ceil_div(tall, TALL), rank_tiles = ceil_div(rank, width);
  const int64_t step = best_step(depth, std::max<int64_t>(1, tall_tiles * rank_tiles), width);
  return {width, tall_tiles, rank_tiles, std::max<int64_t>(1, ceil_div(depth, step)), step, tall * rank};
}

gram_plan plan_gram(int64_t rows, int64_t rank) {
  const int64_t side = ceil_div(rank, GRAM_SIDE);
  const int64_t tiles = side * (side + 1) / 2;
  const int64_t step = step_for(rows, std::min(MOST_GRAM_SPLITS, ceil_div(SLOTS / 4, tiles)), SHORTEST_GRAM_SPLIT);
  return {tiles, std::max<int64_t>(1, ceil_div(rows, step)), step};
}

void gram_space::plan(int64_t rows, int64_t rank) {
  const gram_plan cut = plan_gram(rows, rank);
  const int64_t entries = cut.splits > 1 ? cut.tiles * cut.splits * GRAM_SIDE * GRAM_SIDE : 0;
  share_bytes = std::max(share_bytes, static_cast<size_t>(entries) * sizeof(float));
  product_bytes = std::max(product_bytes, static_cast<size_t>(cut.tiles) * sizeof(double));
  arrived_bytes = std::max(arrived_bytes, static_cast<size_t>(cut.tiles + 1) * sizeof(unsigned));
}

result gram_space::allocate() {
  result error = shares.allocate(share_bytes);
  if (error == SUCCESS)
    error = products.allocate(product_bytes);
  return error == SUCCESS ? arrived.allocate(arrived_bytes) : error;
}

void gram_space::clear(queue& on) {
  const std::vector<unsigned char> zeros(arrived_bytes);
  on.upload(arrived.address(), zeros.data(), zeros.size());
}

gram_task gram_of(const gram_space& space, device_address F, device_address G, int64_t rows, int64_t rank) {
  const gram_plan cut = plan_gram(rows, rank);
  gram_task task = {};
  task.F = pointer<const float>(F);
  task.G = pointer<float>(G);
  task.shares = pointer<float>(space.shares.address());
  task.arrived = pointer<unsigned>(space.arrived.address());
  task.tile_products = pointer<double>(space.products.address());
  task.rows = rows;
  task.split = cut.step;
  task.rank = static_cast<int>(rank);
  task.splits = static_cast<int>(cut.splits);
  task.blocks = static_cast<int>(cut.tiles * cut.splits);
  return task;
}

void add_loss(gram_task& task, device_address other, device_address products, int64_t count, device_address loss) {
  task.other = pointer<const float>(other);
  task.products = pointer<const double>(products);
  task.count = static_cast<int>(count);
  task.loss = pointer<double>(loss);
}

shares xht_dense(queue& on, device_address X, device_address Ht, device_address N, int64_t rows, int64_t columns,
                 int64_t rank, int64_t stride, device_address workspace, const gram_task& beside) {
  const product_plan cut = plan_product(rows, rank, columns);
  const kernel which = by_width(cut.width, kernel::xht_dense_16, kernel::xht_dense_32, kernel::xht_dense_64);
  const device_address out = cut.splits > 1 ? workspace : N;
  on.launch(which, grid_of(cut, beside), {TILE_THREADS}, X, Ht, out, rows, columns, static_cast<int32_t>(rank), stride,
            cut.step, beside);
  return {out, cut.splits};
}

shares xtw_dense(queue& on, device_address X, device_address W, device_address A, int64_t rows, int64_t columns,
                 int64_t rank, int64_t stride, device_address workspace, const gram_task& beside) {
  const product_plan cut = plan_product(columns, rank, rows);
  const kernel which = by_width(cut.width, kernel::xtw_dense_16, kernel::xtw_dense_32, kernel::xtw_dense_64);
  const device_address out = cut.splits > 1 ? workspace : A;
  on.launch(which, grid_of(cut, beside), {TILE_THREADS}, X, W, out, rows, columns, static_cast<int32_t>(rank), stride,
            cut.step, beside);
  return {out, cut.splits};
}

void add_shares(queue& on, const shares& of, device_address out, int64_t length, bool accumulate) {
  const unsigned across = of.count >= 8 ? 32 : THREADS;
  const unsigned blocks = static_cast<unsigned>(std::min<int64_t>(ceil_div(length, across), 1 << 20));
  on.launch(kernel::add_splits, {blocks}, {across, THREADS / across}, of.start, out, length,
            static_cast<int32_t>(of.count), int32_t{accumulate});
}

void xht_csr(queue& on, device_address indptr, device_address indices, device_address values, device_address Ht,
             device_address N, int64_t rows, int64_t rank, int64_t average, const gram_task& beside) {
  const int64_t lanes = std::min<int64_t>(ceil_div(rank, 4), 32);
  const int64_t team = average >= CSR_BLOCK_AVERAGE ? CSR_THREADS : 32;
  const launch_size grid = {static_cast<unsigned>(ceil_div(rows, CSR_THREADS / team) + beside.blocks),
                            static_cast<unsigned>(ceil_div(rank, 4 * lanes))};
  on.launch(kernel::xht_csr, grid, {CSR_THREADS}, indptr, indices, values, Ht, N, rows, static_cast<int32_t>(rank),
            static_cast<int32_t>(lanes), static_cast<int32_t>(team), beside);
}

void gram(queue& on, const gram_task& task) {
  on.launch(kernel::gram, {static_cast<unsigned>(task.blocks)}, {TILE_THREADS}, task);
}

void mu_update(queue& on, device_address F, const shares& N, device_address G, device_address out, int64_t rows,
               int64_t rank, device_address products) {
  const int64_t width = width_for(rank);
  const kernel which = by_width(width, kernel::mu_update_16, kernel::mu_update_32, kernel::mu_update_64);
  const launch_size grid = {static_cast<unsigned>(ceil_div(rows, MU_ROWS)),
                            static_cast<unsigned>(ceil_div(rank, width))};
  on.launch(which, grid, {width == 64 ? 128u : 64u}, F, N.start, static_cast<int32_t>(N.count), G, out, rows,
            static_cast<int32_t>(rank), products);
}

int64_t update_blocks(int64_t rows, int64_t rank) {
  return ceil_div(rows, MU_ROWS) * ceil_div(rank, width_for(rank));
}

void products_alone(queue& on, device_address F, const shares& N, int64_t rows, int64_t rank, device_address products) {
  mu_update(on, F, N, 0, 0, rows, rank, products);
}

void dot(queue& on, device_address a, device_address b, device_address sum, int64_t length, device_address workspace) {
  const int64_t blocks = std::clamp<int64_t>(ceil_div(length, 8 * THREADS), 1, DOT_PARTS);
  on.launch(kernel::dot, {static_cast<unsigned>(blocks)}, {THREADS}, a, b, workspace, length);
  on.launch(kernel::dot_finish, {1}, {THREADS}, workspace, sum, static_cast<int32_t>(blocks));
}

} // namespace nonneg::cuda
