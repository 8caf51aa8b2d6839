// How a factor F moves in the gram family: from N, the products of X with the other factor O, and from G = O'O.
#pragma once

#include "../include/fit.h"
#include "../include/kernels.h"

#include <memory>

namespace nonneg {

template<class T> class gram_rule {
 public:
  virtual ~gram_rule() = default;

  // Elements of scratch that one worker needs in `update`.
  virtual int64_t scratch() const = 0;

  // Once per phase, before its panels.
  virtual void begin(const T* G) = 0;

  // Moves a packed panel of rows of F in place; the panel's part of the violation.
  virtual double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const = 0;
};

// Null without memory. `rank` is the padded one.
template<class T>
std::unique_ptr<gram_rule<T>> make_gram_rule(update_rule rule, const penalty& added, const nonneg_kernels<T>& kernels,
                                             int64_t rank);

} // namespace nonneg
