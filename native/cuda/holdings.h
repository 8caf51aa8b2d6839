// What a factorisation keeps on the device, allocated before its first iteration.
#pragma once

#include "launch.h"
#include "pacer.h"

#include <vector>

namespace nonneg::cuda {

constexpr int64_t RING = 256; // iterations between two readings of the losses

struct sparse_side {
  explicit sparse_side(const device& on) : indptr(on), indices(on), values(on) {}
  device_memory indptr, indices, values;
  std::vector<int64_t> panels; // row bounds, from 0 to the number of rows
};

// How many products the update leaves whose factor the loss is computed from.
int64_t loss_products(const fit_shape& shape);

struct holdings {
  explicit holdings(const device& on)
      : on(on), work(on), pace(on, work), X(on), sparse{sparse_side(on), sparse_side(on)}, W(on), N(on), Ht(on),
        spare(on), A(on), G(on), S(on), workspace(on), products(on), ring(on), space(on) {}

  // panel_rows: of a dense X, how many rows a launch takes. Where the memory does not suffice, the status says how much
  // is needed.
  status allocate(const fit_shape& shape, int64_t panel_rows);

  const device& on;
  queue work;
  pacer pace;
  device_memory X;
  sparse_side sparse[2]; // X, its transpose
  device_memory W, N, Ht, spare, A, G, S, workspace, products, ring;
  gram_space space;
};

} // namespace nonneg::cuda
