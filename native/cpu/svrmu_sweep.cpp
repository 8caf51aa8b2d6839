#include "svrmu_sweep.h"

#include "packing.h"

namespace nonneg {

template<class T> double svrmu_sweep<T>::bytes() const {
  const double rank = double(f.rank);
  return gram_sweep<T>::bytes() + sizeof(T) * 2 * rank * rank;
}

template<class T> bool svrmu_sweep<T>::allocate() {
  const int64_t square = f.rank * f.rank;
  return gram_sweep<T>::allocate() && of_all.allocate(square) && of_batch.allocate(square);
}

// Both factors as they are, with X'W and W'W.
template<class T> bool svrmu_sweep<T>::take_snapshot(const crew& c) {
  const int64_t rank = f.rank;
  const auto rows = [&](int64_t group, int64_t first, int64_t count, bool opens, int, scalars&) {
    const T* const w = f.W + first * rank;
    copy(count * rank, w, f.snapshot.W + first * rank);
    for (int part = 0; part < this->X->row_parts(); part++)
      this->X->rows_moved(f, group, opens, first, count, part);
    f.kernels->half_gram(count, rank, w, rank, this->partial_gram(group), rank);
  };
  scalars none;
  if (!this->over(c, this->row_cut, none, rows))
    return false;
  this->add_partial_grams(c, this->row_cut, of_all.get());
  const auto columns = [&](int64_t, int64_t first, int64_t count, bool, int worker, scalars&) {
    copy(count * rank, f.Ht + first * rank, f.snapshot.Ht + first * rank);
    this->X->columns(f, c, first, count, f.snapshot.A + first * rank, this->scratch_of(worker));
  };
  return this->over(c, this->column_cut, none, columns);
}

template<class T> bool svrmu_sweep<T>::before_rows(const crew& c, const batch& b, batch_outcome&) {
  return !b.refresh || take_snapshot(c);
}

template<class T>
bool svrmu_sweep<T>::before_columns(const crew& c, const batch&, const partition& cut, batch_outcome&) {
  return this->gram_over(c, cut, f.snapshot.W, of_batch.get());
}

template<class T>
void svrmu_sweep<T>::move_columns(const crew& c, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                                  scalars&) {
  T* const rest = room + this->panel_elements;
  this->X->columns_of(f, c, f.snapshot.W, {b.first, b.count}, first, count, room, rest);
  if (c.stop())
    return;
  reduced_update<T> update;
  update.rank = update.ld = update.ldg = f.rank;
  update.G = this->S.get();
  update.K = of_batch.get();
  update.S = of_all.get();
  update.count = double(b.count);
  update.total = double(shape.rows);
  update.ratio = shape.ratio;
  update.terms = terms_for<T>(shape.terms_h, shape, f.rank);
  update.scratch = rest;
  shape.frozen_h.over_moving(first, count, [&](int64_t row, int64_t many) {
    const int64_t at = row * f.rank, further = (row - first) * f.rank;
    update.rows = many;
    update.F = f.Ht + at;
    update.N = N + further;
    update.M = room + further;
    update.F0 = f.snapshot.Ht + at;
    update.A = f.snapshot.A + at;
    f.kernels->svrmu_update(update);
  });
}

template class svrmu_sweep<float>;
template class svrmu_sweep<double>;

} // namespace nonneg
