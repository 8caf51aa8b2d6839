struct mu_update_op {
  int64_t rank;
  const float* old; // the panel's rows before the update, packed
  float* F;
  int64_t ldf;
  const float* N;
  int64_t ldn;
  const float* G;
  int64_t ldg;

  static constexpr float smallest = 0x1p-63f; // two entries above it have a normal product

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using f32 = typename vectors<L>::f32;
    f32 sum[MR][NV] = {};
    multiply<L, MR, NV>(sum, rank, old + r0 * rank, rank, 1, G + c, ldg);
    const f32 zero = {};
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) {
        const int64_t at = c + q * L;
        const f32 was = *(const f32*)(old + (r0 + r) * rank + at);
        f32 now = was / sum[r][q] * *(const f32*)(N + (r0 + r) * ldn + at);
        now = sum[r][q] > zero ? now : zero;
        now = now < zero + smallest ? zero : now;
        *(f32*)(F + (r0 + r) * ldf + at) = now;
      }
    }
  }

  void scalar(int64_t r, int64_t c) const {
    const float denominator = multiply_one(rank, old + r * rank, 1, G + c, ldg);
    const float now = denominator > 0 ? old[r * rank + c] / denominator * N[r * ldn + c] : 0;
    F[r * ldf + c] = now < smallest ? 0 : now;
  }
};

void mu_update(int64_t rows, int64_t rank, float* F, int64_t ldf, const float* N, int64_t ldn, const float* G,
               int64_t ldg, float* scratch) {
  for (int64_t first = 0; first < rows; first += NONNEG_PANEL) {
    const int64_t count = rows - first < NONNEG_PANEL ? rows - first : NONNEG_PANEL;
    float* const panel = F + first * ldf;
    for (int64_t i = 0; i < count; i++) {
      for (int64_t r = 0; r < rank; r++)
        scratch[i * rank + r] = panel[i * ldf + r];
    }
    const mu_update_op op = {rank, scratch, panel, ldf, N + first * ldn, ldn, G, ldg};
    cover<NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, count, rank);
  }
}
