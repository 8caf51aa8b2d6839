#include "sgd_sweep.h"

namespace nonneg {

namespace {

// The length of a step whose rate is in units of 2 / bend.
double unit_length(double rate, double bend) {
  return bend > 0 ? 2 * rate / bend : 0;
}

// Which noise a round of a batch takes; H's comes after those of all rounds.
uint32_t draw_of(const batch& b, int rounds, int round) {
  return uint32_t(uint64_t(b.draw) * (uint64_t(rounds) + 1) + uint64_t(round));
}

} // namespace

template<class T> double sgd_sweep<T>::bytes() const {
  const double rank = double(f.rank);
  return gram_sweep<T>::bytes() + sizeof(T) * rank * rank + sizeof(double) * double(bound_scratch(f.rank));
}

template<class T> bool sgd_sweep<T>::allocate() {
  return gram_sweep<T>::allocate() && whole.allocate(f.rank * f.rank) && room_of_bound.allocate(bound_scratch(f.rank));
}

// Without rate, and with a memory only for H.
template<class T>
gradient_step<T> sgd_sweep<T>::step_of(factor side, int64_t first, int64_t count, const T* N, T* room) const {
  gradient_step<T> step;
  step.rows = count;
  step.rank = step.ld = step.ldg = f.rank;
  step.F = rows_of(f, side) + first * f.rank;
  step.N = N;
  step.G = side == factor::W ? this->G.get() : this->S.get();
  step.noise = shape.sgd.noise;
  step.seed = shape.sgd.seed;
  step.first = uint32_t(first);
  step.limit = shape.sgd.limit;
  step.terms = terms_for<T>(terms_of(shape, side), shape, shape.rank);
  step.scratch = room;
  return step;
}

template<class T> bool sgd_sweep<T>::before_rows(const crew&, const batch& b, batch_outcome& done) {
  const double safety = shape.sgd.safety;
  length_w =
      safety > 0 ? unit_length(std::min(b.rate_w, safety), bound_of(this->G.get()) + shape.terms_w.l2) : b.rate_w;
  done.rate_w = length_w;
  return true;
}

template<class T> void sgd_sweep<T>::move_rows(const batch& b, int64_t first, int64_t count, const T* N, T* room) {
  double unheeded[2] = {};
  shape.frozen_w.over_moving(first, count, [&](int64_t at, int64_t many) {
    gradient_step<T> step = step_of(factor::W, at, many, N + (at - first) * f.rank, room);
    step.rate = length_w;
    step.sums = unheeded;
    for (int round = 0; round < f.rounds; round++) {
      step.draw = draw_of(b, f.rounds, round);
      f.kernels->sgd_update(step);
    }
  });
}

template<class T> bool sgd_sweep<T>::look_at_all_rows(const crew& c) {
  const int64_t rank = f.rank;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int, scalars& sums) {
    const T* const w = f.W + first * rank;
    f.kernels->half_gram(count, rank, w, rank, this->partial_gram(group), rank);
    for (int64_t i = 0; i < count; i++)
      sums.largest = std::max(sums.largest, f.kernels->dot(rank, w + i * rank, w + i * rank));
  };
  scalars total;
  if (!this->over(c, this->row_cut, total, panel))
    return false;
  this->add_partial_grams(c, this->row_cut, whole.get());
  eigenvalue = bound_of(whole.get());
  largest = total.largest;
  return true;
}

// The curvature that a batch of so many rows has in expectation bounds the rate, and its own bounds the step whatever
// the rate is (docs/schedulers.md).
template<class T> double sgd_sweep<T>::bounded_length(const batch& b) const {
  const double count = double(b.count), total = double(shape.rows);
  const double safety = shape.sgd.safety, l2 = shape.terms_h.l2;
  const double kappa = total > 1 ? (total - count) / (count * (total - 1)) : 0;
  const double curvature = (1 - kappa) * eigenvalue + kappa * total * largest;
  const double of_batch = total / count * bound_of(this->S.get());
  return std::min(unit_length(std::min(b.rate_h, safety), curvature + l2), unit_length(safety, of_batch + l2));
}

template<class T>
bool sgd_sweep<T>::before_columns(const crew& c, const batch& b, const partition&, batch_outcome& done) {
  const bool bounded = shape.sgd.safety > 0;
  if (bounded && b.refresh && !look_at_all_rows(c))
    return false;
  length_h = bounded ? bounded_length(b) : b.rate_h;
  done.rate_h = length_h;
  return true;
}

template<class T>
void sgd_sweep<T>::move_columns(const crew&, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                                scalars& sums) {
  shape.frozen_h.over_moving(first, count, [&](int64_t at, int64_t many) {
    gradient_step<T> step = step_of(factor::Ht, at, many, N + (at - first) * f.rank, room);
    step.rate = length_h;
    step.scale = double(shape.rows) / double(b.count);
    step.draw = draw_of(b, f.rounds, f.rounds);
    step.D = f.gradient + at * f.rank;
    step.sums = sums.sums;
    f.kernels->sgd_update(step);
  });
}

template class sgd_sweep<float>;
template class sgd_sweep<double>;

} // namespace nonneg
