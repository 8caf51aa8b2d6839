// X as the CPU holds it: dense rows, or CSR together with the CSR of the transpose. Filled by uploads, then only read.
#pragma once

#include "../include/fit.h"
#include "memory.h"

namespace nonneg {

template<class T> struct csr_rows {
  int64_t rows = 0;
  buffer<uint32_t> indptr;
  buffer<uint32_t> indices;
  buffer<T> values;
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
