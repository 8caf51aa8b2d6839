template<class T> struct xht_dense_op {
  int64_t columns;
  const T* X;
  int64_t ldx;
  const T* Ht;
  int64_t ldh;
  T* N;
  int64_t ldn;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    multiply<T, L, MR, NV>(sum, columns, X + r0 * ldx, ldx, 1, Ht + c, ldh);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + (r0 + r) * ldn + c + q * L) = sum[r][q];
    }
  }

  void scalar(int64_t r, int64_t c) const { N[r * ldn + c] = multiply_one(columns, X + r * ldx, 1, Ht + c, ldh); }
};

template<class T>
void xht_dense(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* Ht, int64_t ldh, T* N,
               int64_t ldn) {
  const xht_dense_op<T> op = {columns, X, ldx, Ht, ldh, N, ldn};
  cover<T, NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, rows, rank);
}
