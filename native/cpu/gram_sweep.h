// The sweep of the Frobenius loss without weights, which never forms W·H: parallel phases, their partial sums, and the
// loss that falls out of them.
//
// Over the groups of rows: W is updated, W'W and (by the products) X'W are gathered. Over the groups of columns: Ht is
// updated, Ht'Ht and <X'W, Ht> are gathered. Where H is fixed, X·Ht is too: it is formed once and X is not read again.
#pragma once

#include "gram_rule.h"
#include "memory.h"
#include "products.h"

namespace nonneg {

template<class T> class gram_sweep final : public sweep {
 public:
  gram_sweep(const fit_shape& shape, const operands<T>& factors, std::unique_ptr<products<T>> X,
             std::unique_ptr<gram_rule<T>> rule_w, std::unique_ptr<gram_rule<T>> rule_h);

  double bytes() const override;
  bool allocate() override;
  bool prepare() override;
  void factor_changed(factor side) override;
  bool run(const crew& c) override;
  bool measure(const crew& c) override;
  bool loss_lags() const override { return false; }
  double loss() const override; // by the Gram identity
  double violation() const override { return violation_w + violation_h; }

 private:
  // What a group of panels adds to the phase's two scalars.
  struct scalars {
    double dot = 0;
    double violation = 0;
  };

  double move(factor side, int64_t first, int64_t count, const T* N, T* room);
  bool rows_phase(const crew& c, bool update);
  bool columns_phase(const crew& c, bool update);
  bool fixed_product(const crew& c);
  bool fixed_rows_phase(const crew& c, bool update);
  bool gram_of_Ht(const crew& c);
  bool both_phases(const crew& c, bool update);
  void add_partial_grams(const crew& c, const partition& cut, T* total);

  template<class Panel> bool over(const crew& c, const partition& cut, scalars& total, const Panel& panel);

  T* partial_gram(int64_t group) const { return partial_grams.get() + group * f.rank * f.rank; }
  T* scratch_of(int worker) const { return scratch.get() + worker * worker_elements; }

  const fit_shape shape;
  const operands<T>& f;
  const std::unique_ptr<products<T>> X;
  const std::unique_ptr<gram_rule<T>> rule_w;
  const std::unique_ptr<gram_rule<T>> rule_h;
  const int64_t panel_elements;  // a panel's product with X
  const int64_t worker_elements; // that, and what the products and the rules need beside it

  partition row_cut;
  partition column_cut;
  bool prepared = false;
  bool gram_is_current = false;    // G belongs to Ht
  bool product_is_current = false; // N belongs to Ht
  double product = 0;              // <X'W, Ht>
  double violation_w = 0;
  double violation_h = 0;

  buffer<T> G;             // Ht'Ht
  buffer<T> S;             // W'W
  buffer<T> N;             // X·Ht where H is fixed: rows x rank
  buffer<T> partial_grams; // groups x rank x rank
  buffer<scalars> partial; // groups
  buffer<T> scratch;       // threads x worker_elements
};

} // namespace nonneg
