// One iteration in parallel phases, with its partial sums and the loss that falls out of them.
//
// Over the groups of rows: W is updated, W'W and (by the products) X'W are gathered. Over the groups of columns: Ht is
// updated, Ht'Ht and <X'W, Ht> are gathered. Where H is fixed, X·Ht is too: it is formed once and X is not read again.
#pragma once

#include "../include/fit.h"
#include "memory.h"
#include "products.h"

namespace nonneg {

class iteration {
 public:
  iteration(const fit_shape& shape, operands& factors, products& X);

  double bytes() const; // of everything that `allocate` will ask for
  bool allocate();

  // Cuts the rows and columns, once X is complete; false without memory.
  bool prepare();

  // To be called when the factors were set from outside.
  void factors_changed();

  // One iteration; false when cancelled. The factors stay valid then, the iteration possibly half done.
  bool run(const crew& c);

  // Gathers what the loss needs of the factors as they are.
  bool measure(const crew& c);

  // Half the squared norm of X - W·H after `run` or `measure`, by the Gram identity: without W·H.
  double loss() const;

 private:
  bool rows_phase(const crew& c, bool update);
  bool columns_phase(const crew& c, bool update);
  bool fixed_product(const crew& c);
  bool fixed_rows_phase(const crew& c, bool update);
  bool gram_of_Ht(const crew& c);
  bool both_phases(const crew& c, bool update);
  void add_partial_grams(const crew& c, const partition& cut, float* total);

  template<class Panel> bool over(const crew& c, const partition& cut, const Panel& panel);

  float* partial_gram(int64_t group) const { return partial_grams.get() + group * f.rank * f.rank; }
  float* scratch_of(int worker) const { return scratch.get() + worker * worker_floats; }

  const fit_shape shape;
  operands& f;
  products& X;
  const int64_t longest_column_panel;
  const int64_t worker_floats;

  partition rows;
  partition columns;
  bool prepared = false;
  bool gram_is_current = false;    // G belongs to Ht
  bool product_is_current = false; // N belongs to Ht
  int64_t dots = 0;                // how many of partial_dots count

  buffer<float> G;             // Ht'Ht
  buffer<float> S;             // W'W
  buffer<float> N;             // X·Ht where H is fixed: rows x rank
  buffer<float> partial_grams; // groups x rank x rank
  buffer<double> partial_dots; // groups
  buffer<float> scratch;       // threads x worker_floats
};

} // namespace nonneg
