// Batches of multiplicative updates whose variance a snapshot reduces (ts/kernels/svrmu_update.ts): the rows of a batch
// by `mu`, then Ht by what its products are beside those of the snapshot's factors.
#pragma once

#include "gram_sweep.h"

namespace nonneg {

template<class T> class svrmu_sweep final : public gram_sweep<T> {
 public:
  using gram_sweep<T>::gram_sweep;

  double bytes() const override;
  bool allocate() override;

 protected:
  using scalars = typename gram_sweep<T>::scalars;
  using gram_sweep<T>::f;
  using gram_sweep<T>::shape;

  bool before_rows(const crew& c, const batch& b, batch_outcome& done) override;
  bool before_columns(const crew& c, const batch& b, const partition& cut, batch_outcome& done) override;
  void move_columns(const crew& c, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                    scalars& sums) override;

 private:
  bool take_snapshot(const crew& c);

  buffer<T> of_all;   // W0'W0 over all rows, W0 being W in the snapshot
  buffer<T> of_batch; // and over those of a batch
};

} // namespace nonneg
