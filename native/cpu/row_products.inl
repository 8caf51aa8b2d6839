// N = X H' with both operands by rows: each entry is an inner product of a row of X with a row of H. Vectors run along
// the columns, so that no element is broadcast and any multiple of 4 components fills the registers, which the tiles of
// xht_dense do for multiples of two vectors alone. The price is one sum across the lanes for each entry of N.

// n[r][s] += the sum across the lanes of sum[r][s], for rows of four.
template<class T, int L, int MR>
NONNEG_INLINE void add_lanes(const typename vectors<T, L>::type (*sum)[4], T* n, int64_t ldn) {
  constexpr int together = L / 4; // rows whose sums fill a vector
  if constexpr (L == 2) {
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int s = 0; s < 4; s++) n[r * ldn + s] += sum[r][s][0] + sum[r][s][1];
    }
  } else if constexpr (MR >= together) {
    using four = typename vectors<T, 4>::type;
    const auto sums = sums_of<T, L, L>(&sum[0][0]);
    NONNEG_UNROLL for (int r = 0; r < together; r++) * (four*)(n + r * ldn) += ((const four*)&sums)[r];
    if constexpr (MR > together)
      add_lanes<T, L, MR - together>(sum + together, n + together * ldn, ldn);
  } else {
    using half = typename vectors<T, L / 2>::type;
    half folded[MR][4];
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int s = 0; s < 4; s++) {
        const auto* const parts = (const half*)&sum[r][s];
        folded[r][s] = parts[0] + parts[1];
      }
    }
    add_lanes<T, L / 2, MR>(folded, n, ldn);
  }
}

template<class T> struct row_products_op {
  int64_t columns;
  const T* X;
  int64_t ldx;
  const T* H;
  int64_t ldh;
  T* N;
  int64_t ldn;

  // Elements of rows to come that a tile fetches: at each vector of columns one line, `advance` after the last.
  struct stream {
    const T* at;
    int64_t advance;
  };

  // MR rows of X by four rows of H, while so many streams are on their way into the cache.
  template<int MR, int Streams> NONNEG_INLINE void tile(int64_t r0, int64_t c, stream first, stream second) const {
    constexpr int L = lanes<T>;
    using vector = typename vectors<T, L>::type;
    vector sum[MR][4] = {};
    const T* x[(MR + 2) / 3];
    NONNEG_UNROLL for (int g = 0; g < (MR + 2) / 3; g++) x[g] = X + (r0 + 3 * g) * ldx;
    const T* h[2] = {H + c * ldh, H + (c + 3) * ldh};
    for (int64_t j = 0; j < columns; j += L) {
      vector left[MR];
      NONNEG_UNROLL for (int r = 0; r < MR; r++) left[r] = *(const vector*)(x[r / 3] + r % 3 * ldx);
      if constexpr (Streams > 0) {
        __builtin_prefetch(first.at, 0, 2);
        first.at += first.advance;
      }
      if constexpr (Streams > 1) {
        __builtin_prefetch(second.at, 0, 2);
        second.at += second.advance;
      }
      NONNEG_UNROLL for (int s = 0; s < 4; s++) {
        const vector right = *(const vector*)(s < 3 ? h[0] + s * ldh : h[1]);
        NONNEG_UNROLL for (int r = 0; r < MR; r++) sum[r][s] += left[r] * right;
      }
      NONNEG_UNROLL for (int g = 0; g < (MR + 2) / 3; g++) {
        x[g] += L;
        NONNEG_OPAQUE(x[g]);
      }
      h[0] += L;
      h[1] += L;
      NONNEG_OPAQUE(h[0]);
      NONNEG_OPAQUE(h[1]);
    }
    add_lanes<T, L, MR>(sum, N + r0 * ldn + c, ldn);
  }

  // The passes over a tile's rows share the next rows evenly, by halves of rows: the cores have few places for lines on
  // their way. Of a single half each line is asked for twice.
  template<int MR> NONNEG_INLINE void tiles(int64_t rows, int64_t rank, int64_t& r) const {
    constexpr int64_t L = lanes<T>;
    const int64_t passes = rank / 4;
    for (; rows - r >= MR; r += MR) {
      const auto half = [&](int64_t h) { return X + (r + MR + h / 2) * ldx + h % 2 * (columns / 2); };
      for (int64_t pass = 0; pass < passes; pass++) {
        const int64_t h = pass * 2 * MR / passes, end = (pass + 1) * 2 * MR / passes;
        // a row as a whole where its halves belong to this pass
        const int64_t whole = h + h % 2;
        const bool has_row = whole + 2 <= end;
        const stream row = {half(whole), L};
        if (end - h == 0)
          tile<MR, 0>(r, 4 * pass, {}, {});
        else if (end - h == 1)
          tile<MR, 1>(r, 4 * pass, {half(h), L / 2}, {});
        else if (end - h == 2 && has_row)
          tile<MR, 1>(r, 4 * pass, row, {});
        else if (end - h == 2)
          tile<MR, 2>(r, 4 * pass, {half(h), L / 2}, {half(h + 1), L / 2});
        else if (end - h == 3)
          tile<MR, 2>(r, 4 * pass, row, {half(h % 2 ? h : h + 2), L / 2});
        else
          tile<MR, 2>(r, 4 * pass, row, {half(whole + 2), L});
      }
    }
  }
};

// Column blocks whose rows of X stay in the level-1 cache while the rows of H pass by.
template<class T>
void row_products(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* H, int64_t ldh, T* N,
                  int64_t ldn) {
  constexpr int64_t block = 4096 / sizeof(T);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t r = 0; r < rank; r++)
      N[i * ldn + r] = 0;
  }
  for (int64_t j = 0; j < columns; j += block) {
    const int64_t width = columns - j < block ? columns - j : block;
    const row_products_op<T> op = {width, X + j, ldx, H + j, ldh, N, ldn};
    int64_t r = 0;
    op.template tiles<NONNEG_DOT_ROWS>(rows, rank, r);
    op.template tiles<1>(rows, rank, r);
  }
}
