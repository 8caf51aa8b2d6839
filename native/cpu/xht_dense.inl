template<class T> struct xht_dense_op {
  int64_t columns;
  const T* X;
  int64_t ldx;
  const T* Ht;
  int64_t ldh;
  T* N;
  int64_t ldn;
  bool adds; // to what N holds

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    if (adds) {
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] = *(const vector*)(N + (r0 + r) * ldn + c + q * L);
      }
    }
    multiply<T, L, MR, NV>(sum, columns, X + r0 * ldx, ldx, 1, Ht + c, ldh);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + (r0 + r) * ldn + c + q * L) = sum[r][q];
    }
  }

  void scalar(int64_t r, int64_t c) const {
    const T sum = multiply_one(columns, X + r * ldx, 1, Ht + c, ldh);
    N[r * ldn + c] = adds ? N[r * ldn + c] + sum : sum;
  }
};

// In blocks of columns: two vectors of so many rows of Ht stay in the level-1 cache while the rows of X pass by.
template<class T>
void xht_dense(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* Ht, int64_t ldh, T* N,
               int64_t ldn) {
  constexpr int64_t block = 256;
  int64_t j = 0;
  do {
    const int64_t width = columns - j < block ? columns - j : block;
    const xht_dense_op<T> op = {width, X + j, ldx, Ht + j * ldh, ldh, N, ldn, j > 0};
    cover<T, NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, rows, rank);
    j += block;
  } while (j < columns);
}
