#include "holdings.h"

#include <algorithm>
#include <string>
#include <utility>

namespace nonneg::cuda {

int64_t loss_products(const fit_shape& shape) {
  return update_blocks(shape.fixed_h ? shape.rows : shape.columns, shape.rank);
}

status holdings::allocate(const fit_shape& shape, int64_t panel_rows) {
  if (!work.ok())
    return work.outcome();
  const int64_t rows = shape.rows, columns = shape.columns, rank = shape.rank;
  space.plan(rows, rank);
  space.plan(columns, rank);
  std::vector<std::pair<device_memory*, int64_t>> wanted; // in words of four bytes
  int64_t x_words = 0, workspace_words = 0;
  if (shape.nonzeros >= 0) {
    x_words = rows + columns + 2 + 4 * shape.nonzeros;
    for (int side = 0; side < 2; side++) {
      sparse_side& part = sparse[side];
      wanted.insert(wanted.end(), {{&part.indptr, (side == 0 ? rows : columns) + 1},
                                   {&part.indices, shape.nonzeros},
                                   {&part.values, shape.nonzeros}});
    }
  } else {
    x_words = rows * columns;
    wanted.push_back({&X, x_words});
    for (int64_t panel : {panel_rows, rows % panel_rows}) {
      workspace_words = std::max(workspace_words, plan_product(panel, rank, columns).shares());
      workspace_words = std::max(workspace_words, plan_product(columns, rank, panel).shares());
    }
  }
  wanted.insert(wanted.end(), {{&W, rows * rank},
                               {&N, rows * rank},
                               {&Ht, columns * rank},
                               {&spare, shape.fixed_h ? rows * rank : 0},
                               {&A, shape.fixed_h ? 0 : columns * rank},
                               {&G, rank * rank},
                               {&S, rank * rank},
                               {&workspace, workspace_words},
                               {&products, 2 * loss_products(shape)},
                               {&ring, 4 * RING}});
  double total = static_cast<double>(space.bytes());
  for (const auto& [memory, words] : wanted)
    total += 4.0 * static_cast<double>(words);
  size_t available = 0, all = 0;
  on.api->memory_info(&available, &all);
  result error = space.allocate();
  for (const auto& [memory, words] : wanted) {
    if (error == SUCCESS)
      error = memory->allocate(static_cast<size_t>(words) * 4);
  }
  if (error != SUCCESS)
    return status_of(*on.api, error,
                     "this fit needs " + mebibytes(total) + " on the device (X " +
                         mebibytes(4.0 * static_cast<double>(x_words)) + "), of which " +
                         mebibytes(static_cast<double>(available)) + " of " + mebibytes(static_cast<double>(all)) +
                         " are free");
  space.clear(work);
  return work.outcome();
}

} // namespace nonneg::cuda
