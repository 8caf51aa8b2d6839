// One row of the result, NV vectors wide. Entries alternate between two sets of sums, which halves the chain of
// dependent additions; the order of every sum depends on the row's entries alone.
template<class T, int L, int NV>
NONNEG_INLINE void gather_row(int64_t begin, int64_t end, const uint32_t* indices, const T* values, const T* Ht,
                              int64_t ldh, T* N) {
  using vector = typename vectors<T, L>::type;
  vector even[NV] = {}, odd[NV] = {};
  int64_t p = begin;
  for (; end - p >= 2; p += 2) {
    const T* const h0 = Ht + (int64_t)indices[p] * ldh;
    const T* const h1 = Ht + (int64_t)indices[p + 1] * ldh;
    NONNEG_UNROLL for (int q = 0; q < NV; q++) even[q] += values[p] * *(const vector*)(h0 + q * L);
    NONNEG_UNROLL for (int q = 0; q < NV; q++) odd[q] += values[p + 1] * *(const vector*)(h1 + q * L);
  }
  if (p < end) {
    const T* const h0 = Ht + (int64_t)indices[p] * ldh;
    NONNEG_UNROLL for (int q = 0; q < NV; q++) even[q] += values[p] * *(const vector*)(h0 + q * L);
  }
  NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + q * L) = even[q] + odd[q];
}

template<class T>
void xht_csr(int64_t rows, int64_t rank, const uint32_t* indptr, const uint32_t* indices, const T* values, const T* Ht,
             int64_t ldh, T* N, int64_t ldn) {
  constexpr int L = lanes<T>;
  for (int64_t i = 0; i < rows; i++) {
    const int64_t begin = indptr[i], end = indptr[i + 1];
    T* const n = N + i * ldn;
    int64_t c = 0;
    for (; rank - c >= 4 * L; c += 4 * L)
      gather_row<T, L, 4>(begin, end, indices, values, Ht + c, ldh, n + c);
    for (; rank - c >= 2 * L; c += 2 * L)
      gather_row<T, L, 2>(begin, end, indices, values, Ht + c, ldh, n + c);
    for (; rank - c >= L; c += L)
      gather_row<T, L, 1>(begin, end, indices, values, Ht + c, ldh, n + c);
    if constexpr (L > 8) {
      for (; rank - c >= 8; c += 8)
        gather_row<T, 8, 1>(begin, end, indices, values, Ht + c, ldh, n + c);
    }
    for (; c < rank; c++) {
      T sum = 0;
      for (int64_t p = begin; p < end; p++)
        sum += values[p] * Ht[(int64_t)indices[p] * ldh + c];
      n[c] = sum;
    }
  }
}
