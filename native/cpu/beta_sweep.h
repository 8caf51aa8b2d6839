// The sweep of every loss and rule that the Gram matrices cannot serve: rows of W first, then rows of Ht, each by both
// halves of its gradient or by coordinate descent. The loss falls out of the first half, for the factors as it found
// them.
#pragma once

#include "beta_products.h"

namespace nonneg {

template<class T> class beta_sweep final : public sweep {
 public:
  beta_sweep(const fit_shape& shape, const operands<T>& factors, std::unique_ptr<beta_products<T>> X);

  double bytes() const override;
  bool allocate() override;
  bool prepare() override;
  void factor_changed(factor side) override;
  bool run(const crew& c) override;
  bool run_batch(const crew& c, const batch& b, batch_outcome& done) override;
  bool measure(const crew& c) override;
  bool loss_lags() const override { return true; }
  double loss() const override { return last_loss < 0 ? 0 : last_loss; }
  double violation() const override { return last_violation; }

 private:
  struct scalars {
    double loss = 0;
    double violation = 0;
  };

  // What the phases need of a factor beside its rows.
  struct facts {
    bool current = false;
    partition cut;
    buffer<double> sums; // of its columns: rank
    buffer<T> narrow_sums;
    buffer<T> norms; // of its rows, squared, for `pg`
  };

  facts& of(factor side) { return known[side == factor::Ht]; }
  int64_t length(factor side) const { return side == factor::W ? shape.rows : shape.columns; }

  int64_t gradient_elements() const;
  bool know(const crew& c, factor side);
  bool batch_rows_phase(const crew& c, const row_range& rows);
  bool batch_columns_phase(const crew& c, const batch& b, double& loss);
  double sum_of_model() const;
  bool phase(const crew& c, factor side, bool update, bool with_loss);
  bool move(const crew& c, const panel_of<T>& p, double& violation);
  bool move_in_rounds(const crew& c, const panel_of<T>& p, double& violation);
  void note(factor side, int64_t group, int64_t first, int64_t count);
  void add_sums(factor side, const partition& cut);
  template<class Panel> bool over(const crew& c, const partition& cut, scalars& total, const Panel& panel);

  const fit_shape shape;
  const operands<T>& f;
  const std::unique_ptr<beta_products<T>> X;
  const bool shared_push; // P is the column sums of the other factor for every row
  const double exponent;  // of the multiplicative rule

  bool prepared = false;
  int64_t worker_elements = 0;
  facts known[2];
  batch_plans plans;
  double last_loss = 0;
  double last_violation = 0;

  buffer<double> partial_sums; // groups x rank
  buffer<scalars> partial;     // groups
  buffer<T> scratch;           // threads x worker_elements
};

} // namespace nonneg
