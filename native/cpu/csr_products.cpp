#include "csr_products.h"

#include <algorithm>

namespace nonneg {

namespace {

// Multiplications of one panel: about a millisecond, the time that an abort may wait.
constexpr int64_t panel_work = int64_t(1) << 22;

int64_t most_entries(int64_t rank) {
  return std::max<int64_t>(panel_work / rank, 1024);
}

} // namespace

template<class T> csr_products<T>::csr_products(const matrix<T>& X, int64_t rank) : X(X), rank(rank) {}

template<class T> partition csr_products<T>::cut(const csr_rows<T>& from, int64_t first, int64_t last) const {
  // updating a row costs rank multiplications per component, a gathered entry one
  return cut_by_entries(first, last, from.indptr.get(), most_entries(rank), rank, most_groups(rank));
}

template<class T> partition csr_products<T>::cut_rows() const {
  return cut(X.by_row(), 0, X.rows);
}

template<class T> partition csr_products<T>::cut_columns() const {
  return cut(X.by_column(), 0, X.columns);
}

template<class T> partition csr_products<T>::cut_batch(const row_range& rows) const {
  return cut(X.by_row(), rows.first, rows.first + rows.count);
}

template<class T> bool csr_products<T>::before_rows(const operands<T>&, const crew&, const row_range&) {
  return true;
}

// N = rows first … first + count of `from` times the factor.
template<class T>
bool csr_products<T>::gather(const operands<T>& f, const crew& c, const csr_rows<T>& from, const T* factor,
                             int64_t first, int64_t count, T* N, T* part) const {
  const uint32_t* const indptr = from.indptr.get() + first;
  if (count == 1)
    return gather_row(f, c, from, factor, indptr[0], indptr[1], N, part);
  f.kernels->xht_csr(count, rank, indptr, from.indices.get(), from.values.get(), factor, rank, N, rank);
  return true;
}

// The same of entries begin … end of one row, in pieces where they are more than a panel's, with `part` (one row)
// between them.
template<class T>
bool csr_products<T>::gather_row(const operands<T>& f, const crew& c, const csr_rows<T>& from, const T* factor,
                                 int64_t begin, int64_t end, T* N, T* part) const {
  const int64_t most = most_entries(rank);
  for (int64_t p = begin; p == begin || p < end; p += most) {
    if (p > begin && c.stop())
      return false;
    const uint32_t piece[2] = {uint32_t(p), uint32_t(std::min(p + most, end))};
    T* const out = p == begin ? N : part;
    f.kernels->xht_csr(1, rank, piece, from.indices.get(), from.values.get(), factor, rank, out, rank);
    for (int64_t r = 0; out == part && r < rank; r++)
      N[r] += part[r];
  }
  return true;
}

template<class T>
bool csr_products<T>::rows(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* N, T* scratch) {
  return gather(f, c, X.by_row(), f.Ht, first, count, N, scratch);
}

template<class T> void csr_products<T>::rows_moved(const operands<T>&, int64_t, bool, int64_t, int64_t, int) {}

template<class T>
void csr_products<T>::columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) {
  gather(f, c, X.by_column(), f.W, first, count, A, scratch);
}

template<class T>
void csr_products<T>::columns_of(const operands<T>& f, const crew& c, const T* W, const row_range& rows, int64_t first,
                                 int64_t count, T* A, T* scratch) {
  for (int64_t j = 0; j < count; j++) {
    const auto [begin, end] = X.by_column().within(first + j, rows);
    if (!gather_row(f, c, X.by_column(), W, begin, end, A + j * rank, scratch))
      return;
  }
}

template<class T> double csr_products<T>::squared_norm(const operands<T>& f, int64_t first, int64_t count) const {
  const csr_rows<T>& from = X.by_row();
  const T* const values = from.values.get() + from.indptr[first];
  return f.kernels->dot(int64_t(from.indptr[first + count]) - from.indptr[first], values, values);
}

template class csr_products<float>;
template class csr_products<double>;

} // namespace nonneg
