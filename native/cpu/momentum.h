// How far factors that extrapolate move on after their updates: ts/backends/momentum.ts, in the same arithmetic.
#pragma once

#include "../include/fit.h"

#include <algorithm>
#include <cmath>

namespace nonneg {

class momentum_control {
 public:
  double weight = 0.5;    // the share of the last step by which factors move on
  bool goes_back = false; // the next iteration starts from the factors as the last updates left them

  // The loss that an iteration found: of the factors as they are or, where it lags, as the iteration found them.
  void heed(double loss) {
    constexpr double shrink = 1.5, grow = 1.05, grow_ceiling = 1.01;
    goes_back = loss > last_loss;
    if (goes_back) {
      ceiling = former;
      weight /= shrink;
    } else {
      former = weight;
      weight = std::min(ceiling, grow * weight);
      ceiling = std::min(1.0, grow_ceiling * ceiling);
    }
    last_loss = loss;
  }

  void store(double* numbers) const {
    const double all[momentum_numbers] = {weight, ceiling, former, last_loss, goes_back ? 1.0 : 0.0};
    std::copy(all, all + momentum_numbers, numbers);
  }

  void restore(const double* numbers) {
    weight = numbers[0];
    ceiling = numbers[1];
    former = numbers[2];
    last_loss = numbers[3];
    goes_back = numbers[4] != 0;
  }

 private:
  double ceiling = 1;
  double former = 0.5; // the weight before its last change
  double last_loss = HUGE_VAL;
};

} // namespace nonneg
