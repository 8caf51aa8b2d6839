// Sparse X as CSR and as the CSR of its transpose: both products are gathers by row, no two tasks write to one place.
#pragma once

#include "memory.h"
#include "products.h"

namespace nonneg {

class csr_products final : public products {
 public:
  csr_products(int64_t rows, int64_t columns, int64_t nonzeros, int64_t rank);

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
  struct half {
    int64_t rows = 0;
    buffer<uint32_t> indptr;
    buffer<uint32_t> indices;
    buffer<float> values;
  };

  partition cut(const half& h) const;
  bool gather(const operands& f, const crew& c, const half& h, const float* factor, int64_t first, int64_t count,
              float* N, float* part) const;

  const int64_t nonzeros;
  const int64_t rank; // padded
  half by_row;
  half by_column;
};

} // namespace nonneg
