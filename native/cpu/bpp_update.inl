template<class T>
double bpp_update(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                  const update_terms<T>& terms, double* scratch) {
  const int64_t moving = terms.moving < rank ? terms.moving : rank;
  const int64_t stride = bpp_stride(rank);
  pivoting row(moving, rank, scratch);
  for (int64_t r = 0; r < moving; r++) {
    for (int64_t s = 0; s < stride; s++)
      row.B[r * stride + s] = s < moving ? (double)G[r * ldg + s] : 0;
    row.B[r * stride + r] += terms.l2;
  }
  double violation = 0;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    const T* const n = N + i * ldn;
    for (int64_t r = 0; r < moving; r++) {
      row.start[r] = f[r];
      row.wanted[r] = (double)n[r] - terms.l1;
    }
    for (int64_t s = moving; s < rank; s++) {
      for (int64_t r = 0; r < moving; r++)
        row.wanted[r] -= (double)f[s] * G[s * ldg + r];
    }
    violation += row.move(f, terms.most);
  }
  return violation;
}
