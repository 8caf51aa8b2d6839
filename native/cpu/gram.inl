template<class T> struct gram_op {
  int64_t rows;
  const T* F;
  int64_t ldf;
  T* G;
  int64_t ldg;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    multiply<T, L, MR, NV>(sum, rows, F + r0, 1, ldf, F + c, ldf);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(G + (r0 + r) * ldg + c + q * L) += sum[r][q];
    }
  }

  void scalar(int64_t r, int64_t c) const { G[r * ldg + c] += multiply_one(rows, F + r, ldf, F + c, ldf); }
};

// Tiles of 8 rows (4 where registers are few): ranks are multiples of 8 where speed matters.
template<class T> void gram(int64_t rows, int64_t rank, const T* F, int64_t ldf, T* G, int64_t ldg) {
  for (int64_t first = 0; first < rows; first += panel_rows) {
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    const gram_op<T> op = {count, F + first * ldf, ldf, G, ldg};
    cover<T, NONNEG_GRAM_ROWS, 8>(op, rank, rank);
  }
}

// The strips of two vectors end with the tile that holds the diagonal; what is left beside them is done in full.
template<class T> void half_gram(int64_t rows, int64_t rank, const T* F, int64_t ldf, T* G, int64_t ldg) {
  constexpr int L = lanes<T>;
  for (int64_t first = 0; first < rows; first += panel_rows) {
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    const gram_op<T> op = {count, F + first * ldf, ldf, G, ldg};
    int64_t c = 0;
    for (; rank - c >= 2 * L; c += 2 * L)
      tile_rows<L, NONNEG_GRAM_ROWS, 2>(op, c + 2 * L, 0, c);
    cover<T, NONNEG_GRAM_ROWS, 8>(op, rank, rank, c);
  }
}
