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

template<class T> partition csr_products<T>::cut(const csr_rows<T>& from) const {
  // updating a row costs rank multiplications per component, a gathered entry one
  return cut_by_entries(from.rows, from.indptr.get(), most_entries(rank), rank, most_groups(rank));
}

template<class T> partition csr_products<T>::cut_rows() const {
  return cut(X.by_row());
}

template<class T> partition csr_products<T>::cut_columns() const {
  return cut(X.by_column());
}

template<class T> bool csr_products<T>::before_rows(const operands<T>&, const crew&) {
  return true;
}

// N = rows first … first + count of `from` times the factor. A row longer than a panel's entries is gathered in pieces,
// with `part` (one row) between them.
template<class T>
bool csr_products<T>::gather(const operands<T>& f, const crew& c, const csr_rows<T>& from, const T* factor,
                             int64_t first, int64_t count, T* N, T* part) const {
  const uint32_t* const indptr = from.indptr.get() + first;
  const int64_t most = most_entries(rank);
  const int64_t entries = int64_t(indptr[count]) - indptr[0];
  if (count > 1 || entries <= most) {
    f.kernels->xht_csr(count, rank, indptr, from.indices.get(), from.values.get(), factor, rank, N, rank);
    return true;
  }
  for (int64_t p = 0; p < entries; p += most) {
    if (c.stop())
      return false;
    const uint32_t piece[2] = {uint32_t(indptr[0] + p), uint32_t(indptr[0] + std::min(p + most, entries))};
    T* const out = p == 0 ? N : part;
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

template<class T> void csr_products<T>::rows_moved(const operands<T>&, int64_t, bool, int64_t, int64_t) {}

template<class T>
void csr_products<T>::columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) {
  gather(f, c, X.by_column(), f.W, first, count, A, scratch);
}

template class csr_products<float>;
template class csr_products<double>;

} // namespace nonneg
