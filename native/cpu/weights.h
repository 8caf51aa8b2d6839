// Weights of the entries' losses as the CPU holds them: nothing, a matrix, one number per listed entry of a sparse X
// (in the order of its rows and in that of its columns), or a hash. Filled by uploads, then only read.
#pragma once

#include "matrix.h"

namespace nonneg {

template<class T> class weights {
 public:
  explicit weights(const fit_shape& shape);

  double bytes() const; // of everything that `allocate` will ask for
  bool allocate();

  status upload_rows(int64_t first, int64_t count, const T* values);
  status upload_entries(bool transposed, int64_t first, int64_t count, const T* values);

  weights_kind kind() const { return of; }

  // one for each entry of X
  const T* row(int64_t i) const { return table.get() + i * stride; }
  int64_t ld() const { return stride; }

  // one for each listed entry; null where there are none
  const T* entries(bool transposed) const { return of == weights_kind::entries ? listed[transposed].get() : nullptr; }

  // of the hash (ts/kernels/holdout.ts)
  uint32_t threshold() const { return below; }
  uint32_t seed() const { return chosen.seed; }
  bool complement() const { return chosen.complement; }

 private:
  const weights_kind of;
  const int64_t rows;
  const int64_t columns;
  const int64_t nonzeros;
  const int64_t stride;
  const holdout_choice chosen;
  const uint32_t below;
  buffer<T> table;
  buffer<T> listed[2];
};

} // namespace nonneg
