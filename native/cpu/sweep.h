// One iteration of a fit: every loss and rule is an implementation of this, one for each family of products.
#pragma once

#include "../include/fit.h"
#include "../include/kernels.h"
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
};

class sweep {
 public:
  virtual ~sweep() = default;

  virtual double bytes() const = 0; // of everything that `allocate` will ask for
  virtual bool allocate() = 0;

  // Before the first run, once X is complete; false without memory.
  virtual bool prepare() = 0;

  // To be called when the factors were set from outside.
  virtual void factors_changed() = 0;

  // One iteration; false when cancelled. The factors stay valid then, the iteration possibly half done.
  virtual bool run(const crew& c) = 0;

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
