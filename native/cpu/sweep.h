// One iteration of a fit: every loss and rule is an implementation of this, one for each family of products.
#pragma once

#include "../include/fit.h"
#include "../include/kernels.h"
#include "batch_plans.h"
#include "crew.h"

#include <memory>

namespace nonneg {

template<class T> class matrix;
template<class T> class weights;

// The factors as the kernels want them: packed with the padded rank, whose extra components are zero and stay zero.
template<class T> struct operands {
  const nonneg_kernels<T>* kernels = nullptr;
  int64_t rank = 0; // padded
  T* W = nullptr;
  T* Ht = nullptr;

  // Where the fit extrapolates: both as their last updates left them, and the share of a step by which they move on.
  T* last_W = nullptr;
  T* last_Ht = nullptr;
  double weight = 0;
  int rounds = 1; // of the rule, in this iteration

  // Where batches run, what they have left: of `mu` the numerators and denominators of Ht, of `sgd` its last gradient.
  T* A = nullptr;
  T* B = nullptr;
  T* gradient = nullptr;

  // Of `svrmu`: both factors at the last refresh, and X'W there.
  struct {
    T* W = nullptr;
    T* Ht = nullptr;
    T* A = nullptr;
  } snapshot;
};

enum class factor { W, Ht };

inline factor other(factor side) {
  return side == factor::W ? factor::Ht : factor::W;
}

template<class T> T* rows_of(const operands<T>& f, factor side) {
  return side == factor::W ? f.W : f.Ht;
}

inline const factor_terms& terms_of(const fit_shape& shape, factor side) {
  return side == factor::W ? shape.terms_w : shape.terms_h;
}

inline const frozen_rows& frozen_of(const fit_shape& shape, factor side) {
  return side == factor::W ? shape.frozen_w : shape.frozen_h;
}

// What the kernels heed, of rows that they see with `rank` components.
template<class T> update_terms<T> terms_for(const factor_terms& terms, const fit_shape& shape, int64_t rank) {
  // the padding stays zero: where all components move it may too, so that rows are whole vectors
  const int64_t moving = terms.moving == shape.rank ? rank : terms.moving;
  return {T(terms.l1), T(terms.l2), moving, T(terms.most)};
}

// Moves rows first … first + count of a factor on, which have just been updated, where the fit extrapolates; not those
// that stay.
template<class T>
void move_on(const operands<T>& f, const fit_shape& shape, factor side, int64_t first, int64_t count) {
  if (!shape.extrapolate)
    return;
  T* const last = side == factor::W ? f.last_W : f.last_Ht;
  frozen_of(shape, side).over_moving(first, count, [&](int64_t at, int64_t many) {
    f.kernels->extrapolate(many * f.rank, rows_of(f, side) + at * f.rank, last + at * f.rank, T(f.weight),
                           T(terms_of(shape, side).most));
  });
}

// Moves rows first … first + count of Ht by the gradient's parts that the rows of a batch give, but for those that
// stay.
template<class T>
void move_by_batch(const operands<T>& f, const fit_shape& shape, const batch& b, int64_t first, int64_t count,
                   const T* N, const T* P, int64_t ldp, double gamma) {
  const double share = double(b.count) / double(shape.rows);
  factor_terms terms = shape.terms_h;
  terms.l1 *= share;
  terms.l2 *= share;
  const update_terms<T> heeded = terms_for<T>(terms, shape, f.rank);
  shape.frozen_h.over_moving(first, count, [&](int64_t row, int64_t many) {
    const int64_t at = row * f.rank, further = row - first;
    f.kernels->online_update(many, f.rank, f.Ht + at, f.A + at, f.B + at, f.rank, N + further * f.rank, f.rank,
                             P + further * ldp, ldp, gamma, T(b.keep), heeded);
  });
}

class sweep {
 public:
  virtual ~sweep() = default;

  virtual double bytes() const = 0; // of everything that `allocate` will ask for
  virtual bool allocate() = 0;

  // Before the first run, once X is complete; false without memory.
  virtual bool prepare() = 0;

  // To be called when a factor was set from outside.
  virtual void factor_changed(factor side) = 0;

  // One iteration; false when cancelled. The factors stay valid then, the iteration possibly half done.
  virtual bool run(const crew& c) = 0;

  // One batch; false when cancelled. Throws bad_alloc where its rows are new.
  virtual bool run_batch(const crew& c, const batch& b, batch_outcome& done) = 0;

  // Gathers what the loss needs of the factors as they are; false when cancelled.
  virtual bool measure(const crew& c) = 0;

  // After `run`, `loss` is that of the factors as this run found them: the loss of the last run takes a `measure`.
  virtual bool loss_lags() const = 0;

  virtual double loss() const = 0;

  // Of the last run, over both factors: sum of |projected gradient|, each taken as its entry was about to move.
  virtual double violation() const = 0;
};

// The sweep for this loss, rule, kind of matrix and weights; null without memory. `f` may get its memory later.
template<class T>
std::unique_ptr<sweep> make_sweep(const fit_shape& shape, const operands<T>& f, const matrix<T>& X,
                                  const weights<T>& V);

} // namespace nonneg
