#include "matrix.h"

#include <cstring>

namespace nonneg {

namespace {

status refuse(const char* message) {
  return {status_code::backend, message};
}

} // namespace

template<class T> int64_t padded_stride(int64_t columns) {
  constexpr int64_t line = 64 / sizeof(T);
  const int64_t stride = (columns + line - 1) / line * line;
  return stride % (1024 / sizeof(T)) == 0 ? stride + line : stride;
}

template<class T>
matrix<T>::matrix(const fit_shape& shape)
    : rows(shape.rows), columns(shape.columns), nonzeros(shape.nonzeros), stride(padded_stride<T>(shape.columns)) {
  half[0].rows = rows;
  half[1].rows = columns;
}

template<class T> double matrix<T>::bytes() const {
  if (!sparse())
    return sizeof(T) * double(rows) * double(stride);
  return 2 * (sizeof(T) + 4) * double(nonzeros) + 4 * (double(rows) + double(columns) + 2);
}

template<class T> bool matrix<T>::allocate() {
  if (!sparse())
    return values.allocate(rows * stride);
  for (csr_rows<T>& h : half) {
    if (!h.indptr.allocate(h.rows + 1) || !h.indices.allocate(nonzeros) || !h.values.allocate(nonzeros))
      return false;
  }
  return true;
}

template<class T> status matrix<T>::upload_dense(int64_t first, int64_t count, const T* from) {
  if (sparse())
    return refuse("X is sparse");
  for (int64_t i = 0; i < count; i++) {
    T* const to = values.get() + (first + i) * stride;
    memcpy(to, from + i * columns, size_t(columns) * sizeof(T));
    memset(to + columns, 0, size_t(stride - columns) * sizeof(T));
  }
  return {};
}

template<class T> status matrix<T>::upload_indptr(bool transposed, const uint32_t* indptr) {
  if (!sparse())
    return refuse("X is dense");
  csr_rows<T>& h = half[transposed];
  memcpy(h.indptr.get(), indptr, size_t(h.rows + 1) * sizeof(uint32_t));
  return {};
}

template<class T>
status matrix<T>::upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                                 const T* from) {
  if (!sparse())
    return refuse("X is dense");
  csr_rows<T>& h = half[transposed];
  memcpy(h.indices.get() + first, indices, size_t(count) * sizeof(uint32_t));
  memcpy(h.values.get() + first, from, size_t(count) * sizeof(T));
  return {};
}

template int64_t padded_stride<float>(int64_t);
template int64_t padded_stride<double>(int64_t);
template class matrix<float>;
template class matrix<double>;

} // namespace nonneg
