#include "csr_products.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

// Multiplications of one panel: about a millisecond, the time that an abort may wait.
constexpr int64_t panel_work = int64_t(1) << 22;

int64_t most_entries(int64_t rank) {
  return std::max<int64_t>(panel_work / rank, 1024);
}

} // namespace

csr_products::csr_products(int64_t rows, int64_t columns, int64_t nonzeros, int64_t rank)
    : nonzeros(nonzeros), rank(rank) {
  by_row.rows = rows;
  by_column.rows = columns;
}

double csr_products::bytes() const {
  return 16 * double(nonzeros) + 4 * (double(by_row.rows) + double(by_column.rows) + 2);
}

status csr_products::allocate() {
  for (half* h : {&by_row, &by_column}) {
    if (!h->indptr.allocate(h->rows + 1) || !h->indices.allocate(nonzeros) || !h->values.allocate(nonzeros)) {
      return {status_code::memory, "no memory for a copy of X and its transpose"};
    }
  }
  return {};
}

status csr_products::upload_dense(int64_t, int64_t, const float*) {
  return {status_code::backend, "X is sparse"};
}

status csr_products::upload_indptr(bool transposed, const uint32_t* indptr) {
  half& h = transposed ? by_column : by_row;
  memcpy(h.indptr.get(), indptr, size_t(h.rows + 1) * sizeof(uint32_t));
  return {};
}

status csr_products::upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                                    const float* values) {
  half& h = transposed ? by_column : by_row;
  memcpy(h.indices.get() + first, indices, size_t(count) * sizeof(uint32_t));
  memcpy(h.values.get() + first, values, size_t(count) * sizeof(float));
  return {};
}

partition csr_products::cut(const half& h) const {
  // updating a row costs rank multiplications per component, a gathered entry one
  return cut_by_entries(h.rows, h.indptr.get(), most_entries(rank), rank, most_groups(rank));
}

partition csr_products::cut_rows() const {
  return cut(by_row);
}

partition csr_products::cut_columns() const {
  return cut(by_column);
}

int64_t csr_products::scratch() const {
  return NONNEG_MU_SCRATCH(rank) + (NONNEG_PANEL + 1) * rank;
}

bool csr_products::before_rows(const operands&, const crew&) {
  return true;
}

// N = rows first … first + count of `h` times the factor. A row longer than a panel's entries is gathered in pieces,
// with `part` (one row) between them.
bool csr_products::gather(const operands& f, const crew& c, const half& h, const float* factor, int64_t first,
                          int64_t count, float* N, float* part) const {
  const uint32_t* const indptr = h.indptr.get() + first;
  const int64_t most = most_entries(rank);
  const int64_t entries = int64_t(indptr[count]) - indptr[0];
  if (count > 1 || entries <= most) {
    f.kernels->xht_csr(count, rank, indptr, h.indices.get(), h.values.get(), factor, rank, N, rank);
    return true;
  }
  for (int64_t p = 0; p < entries; p += most) {
    if (c.stop())
      return false;
    const uint32_t piece[2] = {uint32_t(indptr[0] + p), uint32_t(indptr[0] + std::min(p + most, entries))};
    float* const out = p == 0 ? N : part;
    f.kernels->xht_csr(1, rank, piece, h.indices.get(), h.values.get(), factor, rank, out, rank);
    for (int64_t r = 0; out == part && r < rank; r++)
      N[r] += part[r];
  }
  return true;
}

bool csr_products::product(const operands& f, const crew& c, int64_t first, int64_t count, float* N, float* scratch) {
  return gather(f, c, by_row, f.Ht, first, count, N, scratch);
}

void csr_products::update_rows(const operands& f, const crew& c, int64_t, bool, int64_t first, int64_t count, float* S,
                               float* scratch) {
  float* const N = scratch + NONNEG_MU_SCRATCH(rank);
  float* const w = f.W + first * rank;
  if (!product(f, c, first, count, N, N + NONNEG_PANEL * rank))
    return;
  f.kernels->mu_update(count, rank, w, rank, N, rank, f.G, rank, scratch);
  f.kernels->gram(count, rank, w, rank, S, rank);
}

void csr_products::visit_rows(const operands& f, int64_t, bool, int64_t first, int64_t count, float* S) {
  f.kernels->gram(count, rank, f.W + first * rank, rank, S, rank);
}

void csr_products::columns(const operands& f, const crew& c, int64_t first, int64_t count, float* A, float* scratch) {
  gather(f, c, by_column, f.W, first, count, A, scratch);
}

} // namespace nonneg
