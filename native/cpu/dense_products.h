// Dense X, in one of two plans.
//
// Fused: each group of rows accumulates its own W'X while its panel of X is in the cache, so that X is read once per
// iteration. It needs one rank x columns accumulator per group, in the cache, and rows enough for several groups.
//
// Two passes, otherwise: rows first, then columns, with no accumulators at all. Where the rows are too few to occupy
// the threads, the columns of X·Ht are split as well, and the parts added in order.
#pragma once

#include "chains.h"
#include "products.h"

namespace nonneg {

template<class T> class dense_products final : public products<T> {
 public:
  // `rank` is the fit's own. `fuse`: whether the fused plan may be taken; where H is fixed there is nothing to fuse.
  dense_products(const matrix<T>& X, int64_t rank, const operands<T>& f, bool fuse);

  double bytes() const override;
  bool allocate() override;
  partition cut_rows() const override;
  partition cut_columns() const override;
  partition cut_batch(const row_range& rows) const override;
  int64_t longest_rows() const override;
  int64_t longest_columns() const override;
  int64_t scratch() const override;
  bool before_rows(const operands<T>& f, const crew& c, const row_range& rows) override;
  bool rows(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* N, T* scratch) override;
  void rows_moved(const operands<T>& f, int64_t group, bool opens, int64_t first, int64_t count, int part) override;
  int row_parts() const override { return fused_groups > 0 ? chains::most_parts : 1; }
  void columns_set() override;
  void columns_moved(const operands<T>& f, int64_t first, int64_t count) override;
  void columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) override;
  void columns_of(const operands<T>& f, const crew& c, const T* W, const row_range& rows, int64_t first, int64_t count,
                  T* A, T* scratch) override;
  double squared_norm(const operands<T>& f, int64_t first, int64_t count) const override;

 private:
  void sum_columns(const operands<T>& f, int64_t groups, int64_t step, int64_t count, const T* B, T* A) const;
  void product(const operands<T>& f, int64_t first, int64_t count, int64_t begin, int64_t end, T* N) const;
  T* accumulator(int64_t group) const { return accumulators.get() + group * column_elements<T>(components, X.columns); }

  const matrix<T>& X;
  const int64_t rank;         // padded
  const int64_t components;   // of these, what the kernels of products compute: a multiple of 4
  const bool packed;          // X·Ht from Ht in grains
  const int64_t fused_groups; // 0: two passes
  const int64_t splits;       // of the columns, in `before_rows`
  bool H_is_current = false;
  buffer<T> H;            // packed: of pack_grains
  buffer<T> accumulators; // fused: of column_products, one for each group
  buffer<T> parts;        // two passes, split: splits x rows x rank
};

} // namespace nonneg
