void sweep_dense(int64_t rows, int64_t columns, int64_t rank, const float* X, int64_t ldx, const float* Ht, int64_t ldh,
                 const float* G, int64_t ldg, float* W, int64_t ldw, float* A, int64_t lda, float* S, int64_t lds,
                 float* scratch) {
  float* const N = scratch + NONNEG_MU_SCRATCH(rank);
  for (int64_t first = 0; first < rows; first += NONNEG_PANEL) {
    const int64_t count = rows - first < NONNEG_PANEL ? rows - first : NONNEG_PANEL;
    const float* const x = X + first * ldx;
    float* const w = W + first * ldw;
    xht_dense(count, columns, rank, x, ldx, Ht, ldh, N, rank);
    mu_update(count, rank, w, ldw, N, rank, G, ldg, scratch);
    xtw_dense(count, columns, rank, x, ldx, w, ldw, A, lda);
    gram(count, rank, w, ldw, S, lds);
  }
}
