// How a factor F moves in the gram family: from N, the products of X with the other factor O, and from G = O'O.
#pragma once

#include "sweep.h"

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

// The fit's rule with the terms of one factor; null without memory.
template<class T>
std::unique_ptr<gram_rule<T>> make_gram_rule(const fit_shape& shape, factor side, const operands<T>& f);

} // namespace nonneg
