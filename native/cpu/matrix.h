// X as the CPU holds it: dense rows, or CSR together with the CSR of the transpose. Filled by uploads, then only read.
#pragma once

#include "../include/fit.h"
#include "batch_plans.h"
#include "memory.h"

#include <algorithm>
#include <utility>

namespace nonneg {

template<class T> struct csr_rows {
  int64_t rows = 0;
  buffer<uint32_t> indptr;
  buffer<uint32_t> indices;
  buffer<T> values;

  // The entries of a row at the indices of this range, where they are in order, as those of the transpose are.
  std::pair<uint32_t, uint32_t> within(int64_t row, const row_range& range) const {
    const uint32_t* const begin = indices.get() + indptr[row];
    const uint32_t* const end = indices.get() + indptr[row + 1];
    const uint32_t* const from = std::lower_bound(begin, end, range.first);
    const uint32_t* const to = std::lower_bound(from, end, range.first + range.count);
    return {uint32_t(from - indices.get()), uint32_t(to - indices.get())};
  }
};

// The distance between rows of so many columns: whole cache lines. Rows a kilobyte or a multiple of it apart fall into
// few sets of a cache: walking down a column would evict itself.
template<class T> int64_t padded_stride(int64_t columns);

template<class T> class matrix {
 public:
  explicit matrix(const fit_shape& shape);

  double bytes() const; // of everything that `allocate` will ask for
  bool allocate();

  status upload_dense(int64_t first, int64_t count, const T* values);
  status upload_indptr(bool transposed, const uint32_t* indptr);
  status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices, const T* values);

  bool sparse() const { return nonzeros >= 0; }

  // where it is dense; rows go on with zeros up to ld()
  const T* row(int64_t i) const { return values.get() + i * stride; }
  int64_t ld() const { return stride; }

  // where it is sparse
  const csr_rows<T>& by_row() const { return half[0]; }
  const csr_rows<T>& by_column() const { return half[1]; }

  const int64_t rows;
  const int64_t columns;
  const int64_t nonzeros; // -1: dense

 private:
  const int64_t stride;
  buffer<T> values;
  csr_rows<T> half[2]; // X, its transpose
};

} // namespace nonneg
