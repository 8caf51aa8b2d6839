// B += W' X with X and B by rows: vectors run along the columns of X, and W is broadcast. Each row of X is read once,
// for the first components, and stays in the level-1 cache for the others.
template<class T> struct column_products_op {
  int64_t rows;
  const T* X;
  int64_t ldx;
  const T* W;
  int64_t ldw;
  T* B;
  int64_t ldb;

  // MR components by NV vectors of columns. `Ahead`: rows to come are on their way into the cache meanwhile.
  template<int MR, int NV, bool Ahead> NONNEG_INLINE void tile(int64_t c, int64_t j) const {
    constexpr int L = lanes<T>;
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    const T* x = X + j;
    const T* w = W + c;
    for (int64_t i = 0; i < rows; i++) {
      vector right[NV];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(x + q * L);
      if constexpr (Ahead) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) __builtin_prefetch(x + 8 * ldx + q * L, 0, 3);
      }
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        const T left = w[r];
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
      }
      x += ldx;
      w += ldw;
    }
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(B + (c + r) * ldb + j + q * L) += sum[r][q];
    }
  }

  template<int NV> NONNEG_INLINE void tiles(int64_t columns, int64_t rank, int64_t& j) const {
    constexpr int MR = NONNEG_COMPONENTS;
    for (; columns - j >= NV * lanes<T>; j += NV * lanes<T>) {
      int64_t c = 0;
      if (rank >= MR) {
        tile<MR, NV, true>(0, j);
        c = MR;
      }
      for (; rank - c >= MR; c += MR)
        tile<MR, NV, false>(c, j);
      for (; c < rank; c += 4)
        tile<4, NV, false>(c, j);
    }
  }
};

template<class T>
void column_products(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* W, int64_t ldw,
                     T* B, int64_t ldb) {
  for (int64_t first = 0; first < rows; first += panel_rows) {
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    const column_products_op<T> op = {count, X + first * ldx, ldx, W + first * ldw, ldw, B, ldb};
    int64_t j = 0;
    op.template tiles<3>(columns, rank, j);
    op.template tiles<1>(columns, rank, j);
  }
}
