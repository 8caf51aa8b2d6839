struct xtw_dense_op {
  int64_t rows;
  const float* X;
  int64_t ldx;
  const float* W;
  int64_t ldw;
  float* A;
  int64_t lda;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t j0, int64_t c) const {
    using f32 = typename vectors<L>::f32;
    f32 sum[MR][NV] = {};
    multiply<L, MR, NV>(sum, rows, X + j0, 1, ldx, W + c, ldw);
    NONNEG_UNROLL for (int j = 0; j < MR; j++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (f32*)(A + (j0 + j) * lda + c + q * L) += sum[j][q];
    }
  }

  void scalar(int64_t j, int64_t c) const { A[j * lda + c] += multiply_one(rows, X + j, ldx, W + c, ldw); }
};

// The panel's rows are walked once for each tile of columns; more than a panel would fall out of the cache in between.
void xtw_dense(int64_t rows, int64_t columns, int64_t rank, const float* X, int64_t ldx, const float* W, int64_t ldw,
               float* A, int64_t lda) {
  for (int64_t first = 0; first < rows; first += NONNEG_PANEL) {
    const int64_t count = rows - first < NONNEG_PANEL ? rows - first : NONNEG_PANEL;
    const xtw_dense_op op = {count, X + first * ldx, ldx, W + first * ldw, ldw, A, lda};
    cover<NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, columns, rank);
  }
}
