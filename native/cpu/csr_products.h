// Sparse X as CSR and as the CSR of its transpose: both products are gathers by row, no two tasks write to one place.
#pragma once

#include "products.h"

namespace nonneg {

template<class T> class csr_products final : public products<T> {
 public:
  csr_products(const matrix<T>& X, int64_t rank);

  double bytes() const override { return 0; }
  bool allocate() override { return true; }
  partition cut_rows() const override;
  partition cut_columns() const override;
  partition cut_batch(const row_range& rows) const override;
  int64_t longest_rows() const override { return panel_rows; }
  int64_t longest_columns() const override { return panel_rows; }
  int64_t scratch() const override { return rank; }
  bool before_rows(const operands<T>& f, const crew& c, const row_range& rows) override;
  bool rows(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* N, T* scratch) override;
  void rows_moved(const operands<T>& f, int64_t group, bool opens, int64_t first, int64_t count, int part) override;
  int row_parts() const override { return 1; }
  void columns_set() override {}
  void columns_moved(const operands<T>&, int64_t, int64_t) override {}
  void columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) override;
  void columns_of(const operands<T>& f, const crew& c, const T* W, const row_range& rows, int64_t first, int64_t count,
                  T* A, T* scratch) override;
  double squared_norm(const operands<T>& f, int64_t first, int64_t count) const override;

 private:
  partition cut(const csr_rows<T>& of, int64_t first, int64_t last) const;
  bool gather_row(const operands<T>& f, const crew& c, const csr_rows<T>& from, const T* factor, int64_t begin,
                  int64_t end, T* N, T* part) const;
  bool gather(const operands<T>& f, const crew& c, const csr_rows<T>& from, const T* factor, int64_t first,
              int64_t count, T* N, T* part) const;

  const matrix<T>& X;
  const int64_t rank; // padded
};

} // namespace nonneg
