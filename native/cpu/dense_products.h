// Dense X, in one of two plans.
//
// Fused: each group of rows accumulates its own X'W while its panel of X is in the cache, so that X is read once per
// iteration. It needs one columns x rank accumulator per group, in the cache, and rows enough for several groups.
//
// Two passes, otherwise: rows first, then columns, with no accumulators at all. Where the rows are too few to occupy
// the threads, the columns of X·Ht are split as well, and the parts added in order.
#pragma once

#include "memory.h"
#include "products.h"

namespace nonneg {

class dense_products final : public products {
 public:
  // `fuse`: whether the fused plan may be taken; where H is fixed there is nothing to fuse.
  dense_products(int64_t rows, int64_t columns, int64_t rank, bool fuse);

  status allocate() override;
  double bytes() const override;
  status upload_dense(int64_t first, int64_t count, const float* values) override;
  status upload_indptr(bool transposed, const uint32_t* indptr) override;
  status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                        const float* values) override;
  partition cut_rows() const override;
  partition cut_columns() const override;
  int64_t scratch() const override;
  bool before_rows(const operands& f, const crew& c) override;
  bool product(const operands& f, const crew& c, int64_t first, int64_t count, float* N, float* scratch) override;
  void update_rows(const operands& f, const crew& c, int64_t group, bool opens, int64_t first, int64_t count, float* S,
                   float* scratch) override;
  void visit_rows(const operands& f, int64_t group, bool opens, int64_t first, int64_t count, float* S) override;
  void columns(const operands& f, const crew& c, int64_t first, int64_t count, float* A, float* scratch) override;

 private:
  const float* row(int64_t i) const { return X.get() + i * ldx; }
  float* accumulator(int64_t group) const { return accumulators.get() + group * column_count * rank; }

  const int64_t row_count;
  const int64_t column_count;
  const int64_t rank; // padded
  const int64_t ldx;
  int64_t fused_groups = 0; // 0: two passes
  int64_t splits = 1;       // of the columns, in `before_rows`
  buffer<float> X;
  buffer<float> accumulators; // fused: groups x columns x rank
  buffer<float> parts;        // two passes, split: splits x rows x rank
};

} // namespace nonneg
