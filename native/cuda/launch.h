// The kernels of ts/kernels on a queue: grids, splits and second stages. Every choice follows from the shape alone, so
// the bits of a result depend neither on the device nor on what else runs.
#pragma once

#include "gram_task.cuh"
#include "queue.h"

#include <cstdint>

namespace nonneg::cuda {

// How a product of a tall result (tall × rank), summed over `depth`, is cut into blocks. A product with few tiles is
// also split along the sum, so that the whole device has work.
struct product_plan {
  int64_t width; // of a tile, along the rank: 16, 32 or 64
  int64_t tall_tiles;
  int64_t rank_tiles;
  int64_t splits;
  int64_t step;                                      // of the summed index, per split
  int64_t length;                                    // entries of the result
  int64_t shares() const { return splits * length; } // floats of all splits' shares
};

product_plan plan_product(int64_t tall, int64_t rank, int64_t depth);

// How a Gram matrix is cut: into tiles on and above the diagonal, and each of them along the rows.
struct gram_plan {
  int64_t tiles;
  int64_t splits;
  int64_t step; // rows of a split
};

gram_plan plan_gram(int64_t rows, int64_t rank);

// What Gram matrices need beside their result. One at a time uses it.
class gram_space {
 public:
  explicit gram_space(const device& on) : shares(on), products(on), arrived(on) {}

  // For factors of that many rows and a rank. Sizes in bytes, for a caller that allocates much else.
  void plan(int64_t rows, int64_t rank);
  size_t bytes() const { return share_bytes + product_bytes + arrived_bytes; }
  result allocate();
  void clear(queue& on);

 private:
  friend gram_task gram_of(const gram_space&, device_address, device_address, int64_t, int64_t);
  device_memory shares, products, arrived;
  size_t share_bytes = 0, product_bytes = 0, arrived_bytes = 0;
};

// The task G = FᵀF for a factor of that shape.
gram_task gram_of(const gram_space& space, device_address F, device_address G, int64_t rows, int64_t rank);

// Lets the task end with the two inner products of a loss: the sum of `count` products, and ⟨G, other⟩.
void add_loss(gram_task& task, device_address other, device_address products, int64_t count, device_address loss);

// A product as its blocks left it: the sum of `count` arrays of the result's length, one after another.
struct shares {
  device_address start;
  int64_t count;
};

// Doubles of workspace for dot.
constexpr int64_t DOT_PARTS = 512;

// The grids' second dimensions end at 65535 tiles; far below that, a rank × rank matrix fits no device.
constexpr int64_t MAXIMUM_RANK = 1 << 20;

// X·Hᵀ: in N where one split suffices, else as shares in the workspace, that of plan_product(rows, rank, columns). The
// task is done beside it.
shares xht_dense(queue& on, device_address X, device_address Ht, device_address N, int64_t rows, int64_t columns,
                 int64_t rank, int64_t stride, device_address workspace, const gram_task& beside);

// Xᵀ·W: likewise, with plan_product(columns, rank, rows).
shares xtw_dense(queue& on, device_address X, device_address W, device_address A, int64_t rows, int64_t columns,
                 int64_t rank, int64_t stride, device_address workspace, const gram_task& beside);

// out = the sum of the shares, or out += it.
void add_shares(queue& on, const shares& of, device_address out, int64_t length, bool accumulate);

// N = X·Hᵀ with X as CSR, of so many entries a row on average. The task is done beside it.
void xht_csr(queue& on, device_address indptr, device_address indices, device_address values, device_address Ht,
             device_address N, int64_t rows, int64_t rank, int64_t average, const gram_task& beside);

void gram(queue& on, const gram_task& task);

// out = F ∘ N / (F·G). `out` may be N's first share, not F. Where `products` is no null, each of the update_blocks
// leaves there its share of ⟨N, out⟩, a double.
void mu_update(queue& on, device_address F, const shares& N, device_address G, device_address out, int64_t rows,
               int64_t rank, device_address products);
int64_t update_blocks(int64_t rows, int64_t rank);

// The products of mu_update for a factor as it is: ⟨N, F⟩ in the same shares, by the same sums.
void products_alone(queue& on, device_address F, const shares& N, int64_t rows, int64_t rank, device_address products);

// *sum = ⟨a, b⟩ in float64. workspace: DOT_PARTS doubles.
void dot(queue& on, device_address a, device_address b, device_address sum, int64_t length, device_address workspace);

} // namespace nonneg::cuda
