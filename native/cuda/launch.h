// The kernels of ts/kernels on a queue: grids, splits and second stages. Every choice follows from the shape alone, so
// the bits of a result depend neither on the device nor on what else runs.
#pragma once

#include "queue.h"

#include <cstdint>

namespace nonneg::cuda {

// How a product of a tall result (tall × rank), summed over `depth`, is cut into blocks. A product with few tiles is
// also split along the sum, so that the whole device has work; the splits' shares meet in a workspace.
struct product_plan {
  int64_t width; // of a tile, along the rank: 16, 32 or 64
  int64_t tall_tiles;
  int64_t rank_tiles;
  int64_t splits;
  int64_t step;                                                          // of the summed index, per split
  int64_t length;                                                        // entries of the result
  int64_t workspace() const { return splits > 1 ? splits * length : 0; } // floats
};

product_plan plan_product(int64_t tall, int64_t rank, int64_t depth);
product_plan plan_gram(int64_t rows, int64_t rank);

// Doubles of workspace for dot.
constexpr int64_t DOT_PARTS = 512;

// The grids' second dimensions end at 65535 tiles; far below that, a rank × rank matrix fits no device.
constexpr int64_t MAXIMUM_RANK = 1 << 20;

// N = X·Hᵀ. workspace: that of plan_product(rows, rank, columns).
void xht_dense(queue& on, device_address X, device_address Ht, device_address N, int64_t rows, int64_t columns,
               int64_t rank, int64_t stride, device_address workspace);

// A = Xᵀ·W, or A += Xᵀ·W. workspace: that of plan_product(columns, rank, rows).
void xtw_dense(queue& on, device_address X, device_address W, device_address A, int64_t rows, int64_t columns,
               int64_t rank, int64_t stride, bool accumulate, device_address workspace);

// N = X·Hᵀ with X as CSR.
void xht_csr(queue& on, device_address indptr, device_address indices, device_address values, device_address Ht,
             device_address N, int64_t rows, int64_t rank);

// G = FᵀF, or G += FᵀF. workspace: that of plan_gram(rows, rank).
void gram(queue& on, device_address F, device_address G, int64_t rows, int64_t rank, bool accumulate,
          device_address workspace);

// out = F ∘ N / (F·G). `out` may be N, not F.
void mu_update(queue& on, device_address F, device_address N, device_address G, device_address out, int64_t rows,
               int64_t rank);

// *sum = ⟨a, b⟩ in float64. workspace: DOT_PARTS doubles.
void dot(queue& on, device_address a, device_address b, device_address sum, int64_t length, device_address workspace);

} // namespace nonneg::cuda
