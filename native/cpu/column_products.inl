// B = W' X, or B += W' X, with X by rows: vectors run along the columns of X, and W is broadcast. Each row of X is read
// once, for the first components, and stays in the level-1 cache for the others. B is in blocks of columns, so that a
// tile's part of it, for one group of components after another, lies in one run of memory.
template<class T> struct column_products_op {
  int64_t rows;
  const T* X;
  int64_t ldx;
  const T* W;
  int64_t ldw;
  T* B;
  int64_t rank;
  bool adds; // to what B holds

  T* place(int64_t c, int64_t j) const {
    constexpr int64_t block = column_block<T>;
    return B + (j / block * rank + c) * block + j % block;
  }

  // MR components by NV vectors of columns. `Ahead`: the next columns are on their way into the cache meanwhile.
  template<int MR, int NV, bool Ahead> NONNEG_INLINE void tile(int64_t c, int64_t j) const {
    constexpr int L = lanes<T>;
    constexpr int64_t ldb = column_block<T>;
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    const T* x = X + j;
    const T* w = W + c;
    for (int64_t i = 0; i < rows; i++) {
      vector right[NV];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(x + q * L);
      if constexpr (Ahead) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) __builtin_prefetch(x + (NV + q) * L, 0, 3);
      }
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        const T left = w[r];
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
      }
      x += ldx;
      w += ldw;
    }
    T* const b = place(c, j);
    if (adds) {
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += *(const vector*)(b + r * ldb + q * L);
      }
    }
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(b + r * ldb + q * L) = sum[r][q];
    }
  }

  template<int NV> NONNEG_INLINE void tiles(int64_t columns, int64_t& j) const {
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
                     T* B, bool adds) {
  static_assert(column_block<T> % (3 * lanes<T>) == 0, "no tile reaches over two blocks");
  int64_t first = 0;
  do { // once for no rows too, whose products are zero
    const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
    const column_products_op<T> op = {count, X + first * ldx, ldx, W + first * ldw, ldw, B, rank, adds || first > 0};
    int64_t j = 0;
    op.template tiles<3>(columns, j);
    op.template tiles<1>(columns, j);
    first += panel_rows;
  } while (first < rows);
}

// A = the sum of all groups' B, transposed: a few components of one vector of columns after another.
template<class T>
void column_sums(int64_t groups, int64_t step, int64_t columns, int64_t rank, const T* B, T* A, int64_t lda) {
  constexpr int L = lanes<T> < 4 ? 4 : lanes<T>;
  using vector = typename vectors<T, L>::type;
  constexpr int64_t block = column_block<T>;
  for (int64_t j = 0; j < columns; j += L) {
    const int64_t width = columns - j < L ? columns - j : L;
    for (int64_t c = 0; c < rank; c += 4) {
      const T* b = B + (j / block * rank + c) * block + j % block;
      vector sum[4] = {};
      for (int64_t g = 0; g < groups; g++) {
        NONNEG_UNROLL for (int r = 0; r < 4; r++) sum[r] += *(const vector*)(b + r * block);
        b += step;
      }
      transpose(4, width, (const T*)sum, L, A + j * lda + c, lda);
    }
  }
}
