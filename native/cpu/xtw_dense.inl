template<class T> struct xtw_dense_op {
  int64_t rows;
  const T* X;
  int64_t ldx;
  const T* W;
  int64_t ldw;
  T* A;
  int64_t lda;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t j0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    multiply<T, L, MR, NV>(sum, rows, X + j0, 1, ldx, W + c, ldw);
    NONNEG_UNROLL for (int j = 0; j < MR; j++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(A + (j0 + j) * lda + c + q * L) += sum[j][q];
    }
  }

  void scalar(int64_t j, int64_t c) const { A[j * lda + c] += multiply_one(rows, X + j, ldx, W + c, ldw); }
};

// The panel's rows are walked once for each tile of columns; more than a panel would fall out of the cache in between.
template<class T>
void xtw_dense(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* W, int64_t ldw, T* A,
               int64_t lda) {
  for (int64_t first = 0; first < rows; first += panel_rows) {
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    const xtw_dense_op<T> op = {count, X + first * ldx, ldx, W + first * ldw, ldw, A, lda};
    cover<T, NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, columns, rank);
  }
}
