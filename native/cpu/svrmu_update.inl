template<class T, int L> struct svrmu_lanes {
  using vector = typename vectors<T, L>::type;
  const reduced_update<T>& update;
  const T of_count, of_total, ratio, rest;

  explicit svrmu_lanes(const reduced_update<T>& update)
      : update(update), of_count((T)(1 / update.count)), of_total((T)(1 / update.total)), ratio((T)update.ratio),
        rest((T)(1 - update.ratio)) {}

  // At element `at` of the panels; own, kept and all are F·G, F0·K and F0·S there.
  NONNEG_INLINE void move(int64_t at, const T* own, const T* kept, const T* all) const {
    const update_terms<T>& terms = update.terms;
    const vector zero = {};
    const vector least = zero + smallest<T>, most = zero + terms.most;
    const vector was = *(const vector*)(update.F + at);
    const vector numerator = (*(const vector*)kept + *(const vector*)(update.N + at)) * of_count +
                             *(const vector*)(update.A + at) * of_total;
    const vector denominator = (*(const vector*)own + *(const vector*)(update.M + at)) * of_count +
                               (*(const vector*)all + (terms.l1 + terms.l2 * was)) * of_total;
    const vector now = rest * was + ratio * (was / denominator * numerator);
    const vector capped = now > most ? most : now;
    const vector floored = now < least ? least : capped;
    // that a result is positive its operands say, as it may itself round to zero
    const auto positive = (was > zero) & (denominator > zero) & (numerator + rest > zero);
    *(vector*)(update.F + at) = positive ? floored : zero;
  }
};

// The three products of a panel first, by the tiles of xht_dense.
template<class T> void svrmu_update(const reduced_update<T>& update) {
  constexpr int L = lanes<T>;
  const svrmu_lanes<T, L> wide(update);
  const svrmu_lanes < T, L<8 ? L : 8> narrow(update);
  const svrmu_lanes<T, 1> single(update);
  const int64_t rank = update.rank, ld = update.ld, ldg = update.ldg;
  const int64_t width = update.terms.moving < rank ? update.terms.moving : rank;
  T* const own = update.scratch;
  T* const kept = own + panel_rows * rank;
  T* const all = kept + panel_rows * rank;
  for (int64_t first = 0; first < update.rows; first += panel_rows) {
    const int64_t count = update.rows - first < panel_rows ? update.rows - first : panel_rows;
    xht_dense<T>(count, rank, rank, update.F + first * ld, ld, update.G, ldg, own, rank);
    xht_dense<T>(count, rank, rank, update.F0 + first * ld, ld, update.K, ldg, kept, rank);
    xht_dense<T>(count, rank, rank, update.F0 + first * ld, ld, update.S, ldg, all, rank);
    for (int64_t i = 0; i < count; i++) {
      const int64_t row = (first + i) * ld, in = i * rank;
      int64_t r = 0;
      for (; width - r >= L; r += L)
        wide.move(row + r, own + in + r, kept + in + r, all + in + r);
      if constexpr (L > 8) {
        for (; width - r >= 8; r += 8)
          narrow.move(row + r, own + in + r, kept + in + r, all + in + r);
      }
      for (; r < width; r++)
        single.move(row + r, own + in + r, kept + in + r, all + in + r);
    }
  }
}
