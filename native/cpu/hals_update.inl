// Rows in the lanes: three vectors of rows descend side by side, a block of coordinates after another. A block's
// gradients are a register tile as those of the products are; inside the block each move is added to the gradients of
// the coordinates that follow.
template<class T> struct hals_panel {
  static constexpr int L = lanes<T>;
  static constexpr int NV = 3;
  static constexpr int64_t width = NV * L;
  using vector = typename vectors<T, L>::type;

  int64_t rank;
  T* F;       // rank x width
  const T* N; // rank x width
  const T* G;
  int64_t ldg;
  update_terms<T> terms;

  template<int MR> NONNEG_INLINE void block(int64_t c, vector (&violation)[NV]) const {
    vector gradient[MR][NV];
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) gradient[r][q] =
          terms.l1 - *(const vector*)(N + (c + r) * width + q * L);
    }
    // G is symmetric: its row s holds what moves with coordinate s
    const T* f = F;
    const T* g = G + c;
    for (int64_t s = 0; s < rank; s++) {
      vector moved[NV];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) moved[q] = *(const vector*)(f + q * L);
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) gradient[r][q] += g[r] * moved[q];
      }
      f += width;
      g += ldg;
    }
    const vector zero = {};
    const vector least = zero + smallest<T>, most = zero + terms.most;
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      const T bend = G[(c + r) * ldg + c + r] + terms.l2;
      const T inverse = bend > 0 ? 1 / bend : 0;
      NONNEG_UNROLL for (int q = 0; q < NV; q++) {
        vector& place = *(vector*)(F + (c + r) * width + q * L);
        const vector was = place;
        const vector slope = gradient[r][q] + terms.l2 * was;
        const vector magnitude = slope < zero ? -slope : slope;
        // to the bound that the descent leads to
        const vector room = slope < zero ? most - was : was;
        violation[q] += room > zero ? magnitude : zero;
        const vector stepped = was - slope * inverse;
        const vector capped = stepped > most ? most : stepped;
        const vector now = bend > 0 ? (stepped < least ? zero : capped) : was;
        place = now;
        const vector change = now - was;
        NONNEG_UNROLL for (int t = r + 1; t < MR; t++) gradient[t][q] += G[(c + r) * ldg + c + t] * change;
      }
    }
  }

  template<int MR> NONNEG_INLINE void blocks(int64_t c, vector (&violation)[NV]) const {
    for (; terms.moving - c >= MR; c += MR)
      block<MR>(c, violation);
    if constexpr (MR > 1)
      blocks<MR / 2>(c, violation);
  }
};

template<class T>
double hals_update(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                   const update_terms<T>& terms, T* scratch) {
  using panel_type = hals_panel<T>;
  constexpr int64_t width = panel_type::width;
  static_assert(2 * width * sizeof(T) <= hals_row_bytes, "the scratch holds two panels");
  T* const f = scratch;
  T* const n = scratch + rank * width;
  const panel_type panel = {rank, f, n, G, ldg, terms};
  double violation = 0;
  for (int64_t first = 0; first < rows; first += width) {
    const int64_t count = rows - first < width ? rows - first : width;
    // rows that there are not stay zero, and their violation too
    for (int64_t i = 0; count < width && i < rank * width; i++) {
      f[i] = 0;
      n[i] = 0;
    }
    transpose(count, rank, F + first * ldf, ldf, f, width);
    transpose(count, rank, N + first * ldn, ldn, n, width);
    typename panel_type::vector sums[panel_type::NV] = {};
    panel.template blocks<NONNEG_COMPONENTS>(0, sums);
    transpose(rank, count, f, width, F + first * ldf, ldf);
    for (int q = 0; q < panel_type::NV; q++) {
      for (int l = 0; l < lanes<T>; l++)
        violation += sums[q][l];
    }
  }
  return violation;
}
