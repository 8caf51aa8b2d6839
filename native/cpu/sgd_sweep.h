// Batches of projected stochastic gradient steps (ts/kernels/sgd_update.ts): the rows of a batch first, then Ht by
// their products. With safety the steps are bounded by the curvature, as Fit.runBatches in ts/backends/backend.ts has
// it.
#pragma once

#include "gram_sweep.h"

namespace nonneg {

template<class T> class sgd_sweep final : public gram_sweep<T> {
 public:
  using gram_sweep<T>::gram_sweep;

  double bytes() const override;
  bool allocate() override;

 protected:
  using scalars = typename gram_sweep<T>::scalars;
  using gram_sweep<T>::f;
  using gram_sweep<T>::shape;

  bool before_rows(const crew& c, const batch& b, batch_outcome& done) override;
  void move_rows(const batch& b, int64_t first, int64_t count, const T* N, T* room) override;
  bool before_columns(const crew& c, const batch& b, const partition& cut, batch_outcome& done) override;
  void move_columns(const crew& c, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                    scalars& sums) override;

 private:
  double bound_of(const T* gram) const { return f.kernels->gram_bound(f.rank, gram, f.rank, room_of_bound.get()); }
  bool look_at_all_rows(const crew& c);
  double bounded_length(const batch& b) const;
  gradient_step<T> step_of(factor side, int64_t first, int64_t count, const T* N, T* room) const;

  double length_w = 0; // of this batch's steps
  double length_h = 0;
  double eigenvalue = 0; // a bound of that of W'W over all rows, when they were last looked at
  double largest = 0;    // the largest squared norm of a row of W then

  buffer<T> whole; // W'W over all rows
  buffer<double> room_of_bound;
};

} // namespace nonneg
