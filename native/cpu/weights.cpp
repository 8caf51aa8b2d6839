#include "weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace nonneg {

namespace {

uint32_t holdout_threshold(double fraction) {
  return uint32_t(std::min(4294967295.0, std::floor(fraction * 4294967296.0 + 0.5)));
}

} // namespace

template<class T>
weights<T>::weights(const fit_shape& shape)
    : of(shape.weights), rows(shape.rows), columns(shape.columns), nonzeros(shape.nonzeros),
      stride(padded_stride<T>(shape.columns)), chosen(shape.holdout), below(holdout_threshold(chosen.fraction)) {}

template<class T> double weights<T>::bytes() const {
  if (of == weights_kind::dense)
    return sizeof(T) * double(rows) * double(stride);
  return of == weights_kind::entries ? 2 * sizeof(T) * double(nonzeros) : 0;
}

template<class T> bool weights<T>::allocate() {
  if (of == weights_kind::dense)
    return table.allocate(rows * stride);
  if (of == weights_kind::entries)
    return listed[0].allocate(nonzeros) && listed[1].allocate(nonzeros);
  return true;
}

template<class T> status weights<T>::upload_rows(int64_t first, int64_t count, const T* values) {
  if (of != weights_kind::dense)
    return {status_code::backend, "this fit has no weights of every entry"};
  for (int64_t i = 0; i < count; i++)
    memcpy(table.get() + (first + i) * stride, values + i * columns, size_t(columns) * sizeof(T));
  return {};
}

template<class T> status weights<T>::upload_entries(bool transposed, int64_t first, int64_t count, const T* values) {
  if (of != weights_kind::entries)
    return {status_code::backend, "this fit has no weights of listed entries"};
  memcpy(listed[transposed].get() + first, values, size_t(count) * sizeof(T));
  return {};
}

template class weights<float>;
template class weights<double>;

} // namespace nonneg
