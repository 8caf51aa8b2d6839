template<class T> struct mu_update_op {
  int64_t rank;
  const T* old; // the panel's rows before the update, packed
  T* F;
  int64_t ldf;
  const T* N;
  int64_t ldn;
  const T* G;
  int64_t ldg;
  update_terms<T> terms;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    multiply<T, L, MR, NV>(sum, rank, old + r0 * rank, rank, 1, G + c, ldg);
    const vector zero = {};
    const vector least = zero + smallest<T>, most = zero + terms.most;
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) {
        const int64_t at = c + q * L;
        const vector was = *(const vector*)(old + (r0 + r) * rank + at);
        const vector numerator = *(const vector*)(N + (r0 + r) * ldn + at);
        const vector denominator = sum[r][q] + (terms.l1 + terms.l2 * was);
        const vector now = was / denominator * numerator;
        const vector capped = now > most ? most : now;
        const vector floored = now < least ? least : capped;
        // that a result is positive its operands say, as it may itself round to zero
        const auto positive = (was > zero) & (numerator > zero) & (denominator > zero);
        *(vector*)(F + (r0 + r) * ldf + at) = positive ? floored : zero;
      }
    }
  }

  void scalar(int64_t r, int64_t c) const {
    const T was = old[r * rank + c];
    const T denominator = multiply_one(rank, old + r * rank, 1, G + c, ldg) + (terms.l1 + terms.l2 * was);
    const T numerator = N[r * ldn + c];
    const T now = was / denominator * numerator;
    const bool positive = was > 0 && numerator > 0 && denominator > 0;
    const T capped = now > terms.most ? terms.most : now;
    F[r * ldf + c] = !positive ? 0 : now < smallest<T> ? smallest<T> : capped;
  }
};

// Components are computed by whole vectors; those of them that stay are put back.
template<class T>
void mu_update(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
               const update_terms<T>& terms, T* scratch) {
  const int64_t whole = (terms.moving + rank_multiple - 1) / rank_multiple * rank_multiple;
  const int64_t width = whole < rank ? whole : rank;
  for (int64_t first = 0; first < rows; first += panel_rows) {
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    T* const panel = F + first * ldf;
    for (int64_t i = 0; i < count; i++) {
      for (int64_t r = 0; r < rank; r++)
        scratch[i * rank + r] = panel[i * ldf + r];
    }
    const mu_update_op<T> op = {rank, scratch, panel, ldf, N + first * ldn, ldn, G, ldg, terms};
    cover<T, NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, count, width);
    for (int64_t i = 0; terms.moving < width && i < count; i++) {
      for (int64_t r = terms.moving; r < width; r++)
        panel[i * ldf + r] = scratch[i * rank + r];
    }
  }
}
