// A sparse X at its listed entries alone. Either only those count, with a weight each, or the loss is Kullback-Leibler
// and all others are zeros, of which the column sums of the factors know enough.
#pragma once

#include "beta_products.h"

namespace nonneg {

template<class T> class beta_entries final : public beta_products<T> {
 public:
  beta_entries(const fit_shape& shape, int64_t rank, const matrix<T>& X, const weights<T>& V);

  double bytes() const override { return 0; }
  bool allocate() override { return true; }
  bool prepare() override;
  partition cut(factor side) const override;
  int64_t longest_panel() const override { return panel_rows; }
  int64_t scratch() const override;
  bool form(const operands<T>& f, const crew& c, const panel_of<T>& p, const gradient<T>& g) override;
  bool descend(const operands<T>& f, const crew& c, const panel_of<T>& p, const T* sums, double& violation) override;
  void moved(const operands<T>&, factor, int64_t, int64_t) override {}
  bool loss_without_sum() const override { return zeros; }

 private:
  const csr_rows<T>& rows(factor side) const { return side == factor::W ? X.by_row() : X.by_column(); }
  int64_t most_entries() const;

  const fit_shape& shape;
  const int64_t rank; // padded
  const matrix<T>& X;
  const weights<T>& V;
  const bool zeros;
  int64_t longest_row; // entries
};

} // namespace nonneg
