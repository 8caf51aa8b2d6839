struct gram_op {
  int64_t rows;
  const float* F;
  int64_t ldf;
  float* G;
  int64_t ldg;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using f32 = typename vectors<L>::f32;
    f32 sum[MR][NV] = {};
    multiply<L, MR, NV>(sum, rows, F + r0, 1, ldf, F + c, ldf);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (f32*)(G + (r0 + r) * ldg + c + q * L) += sum[r][q];
    }
  }

  void scalar(int64_t r, int64_t c) const { G[r * ldg + c] += multiply_one(rows, F + r, ldf, F + c, ldf); }
};

// Tiles of 8 rows (4 where registers are few): ranks are multiples of 8 where speed matters.
void gram(int64_t rows, int64_t rank, const float* F, int64_t ldf, float* G, int64_t ldg) {
  for (int64_t first = 0; first < rows; first += NONNEG_PANEL) {
    const int64_t count = rows - first < NONNEG_PANEL ? rows - first : NONNEG_PANEL;
    const gram_op op = {count, F + first * ldf, ldf, G, ldg};
    cover<NONNEG_GRAM_ROWS, 8>(op, rank, rank);
  }
}
