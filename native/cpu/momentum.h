// How far factors that extrapolate move on after their updates, and whether an iteration may stand:
// ts/backends/momentum.ts, in the same arithmetic.
#pragma once

#include "../include/fit.h"

#include <algorithm>
#include <cmath>

namespace nonneg {

class momentum_control {
 public:
  // The share of the last step by which the factors of the next iteration move on.
  double weight() const { return plain ? 0 : share; }

  // Rounds of the rule that the next iteration takes, where the fit asks for `wanted`.
  int rounds(int wanted) const {
    constexpr double single = 10;
    return done < single ? 1 : wanted;
  }

  // Takes the loss after an iteration; false where the iteration is to be undone and done again.
  bool accepts(double loss) {
    constexpr double shrink = 1.5, grow = 1.05, grow_ceiling = 1.01;
    if (loss > last_loss && !plain) {
      ceiling = former;
      share /= shrink;
      plain = true;
      return false;
    }
    if (!plain)
      former = share;
    share = std::min(ceiling, grow * share);
    ceiling = std::min(1.0, grow_ceiling * ceiling);
    plain = false;
    last_loss = loss;
    done++;
    return true;
  }

  void store(double* numbers) const {
    const double all[momentum_numbers] = {share, ceiling, former, last_loss, plain ? 1.0 : 0.0, done};
    std::copy(all, all + momentum_numbers, numbers);
  }

  void restore(const double* numbers) {
    share = numbers[0];
    ceiling = numbers[1];
    former = numbers[2];
    last_loss = numbers[3];
    plain = numbers[4] != 0;
    done = numbers[5];
  }

 private:
  double share = 0.5;
  double ceiling = 1;
  double former = 0.5; // the share before its last change
  double last_loss = HUGE_VAL;
  bool plain = true; // the next iteration does not extrapolate
  double done = 0;   // iterations that stand
};

} // namespace nonneg
