// What the batches of a fit leave for those that follow.
#pragma once

#include "memory.h"
#include "sweep.h"

#include <algorithm>

namespace nonneg {

template<class T> class batch_memory {
 public:
  batch_memory(const fit_shape& shape, operands<T>& f) : shape(shape), f(f) {}

  double bytes() const { return sizeof(T) * double(rows_held_by_batches(shape)) * double(f.rank); }
  bool allocated() const { return columns.get() != nullptr; }

  bool allocate() {
    const int64_t length = shape.columns * f.rank;
    const bool reduced = shape.rule == update_rule::svrmu;
    if (!columns.allocate(length) || !more_columns.allocate(shape.rule == update_rule::sgd ? 0 : length) ||
        !rows.allocate(reduced ? shape.rows * f.rank : 0))
      return false;
    if (shape.rule == update_rule::sgd) {
      f.gradient = columns.get();
    } else if (reduced) {
      f.snapshot = {rows.get(), more_columns.get(), columns.get()};
    } else {
      f.A = columns.get();
      f.B = more_columns.get();
    }
    return true;
  }

  // Before the first batch.
  void begin() {
    const int64_t length = shape.columns * f.rank;
    if (shape.rule == update_rule::sgd) {
      std::fill_n(f.gradient, length, T(0));
    } else if (shape.rule != update_rule::svrmu) {
      std::copy_n(f.Ht, length, f.A);
      std::fill_n(f.B, length, T(1));
    }
  }

 private:
  const fit_shape& shape;
  operands<T>& f;
  buffer<T> columns;
  buffer<T> more_columns;
  buffer<T> rows;
};

} // namespace nonneg
