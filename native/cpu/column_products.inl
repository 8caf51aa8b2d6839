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

  // sum += `count` rows, from x and w on. Of each row so many vectors of the next columns, from `From`, are on their
  // way into the cache meanwhile. `Place`: so is the tile's part of B, a component a row. It waits in far caches, and
  // would be waited for at the tile's end.
  template<int MR, int NV, int From, int Ahead, bool Place>
  NONNEG_INLINE void add_rows(typename vectors<T, lanes<T>>::type (&sum)[MR][NV], int64_t count, const T*& x,
                              const T*& w, const T* b) const {
    constexpr int L = lanes<T>;
    using vector = typename vectors<T, L>::type;
    for (int64_t i = 0; i < count; i++) {
      vector right[NV];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(x + q * L);
      NONNEG_UNROLL for (int q = From; q < From + Ahead; q++) __builtin_prefetch(x + (NV + q) * L, 0, 3);
      if constexpr (Place) {
        constexpr int line = 64 / (int)sizeof(T);
        NONNEG_UNROLL for (int e = 0; e < NV * L; e += line) __builtin_prefetch(b + i * column_block<T> + e, 1, 3);
      }
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        const T left = w[r];
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
      }
      x += ldx;
      w += ldw;
    }
  }

  // MR components by NV vectors of columns.
  template<int MR, int NV, int From = 0, int Ahead = 0> NONNEG_INLINE void tile(int64_t c, int64_t j) const {
    constexpr int L = lanes<T>;
    constexpr int64_t ldb = column_block<T>;
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    const T* x = X + j;
    const T* w = W + c;
    T* const b = place(c, j);
    const int64_t first = rows < MR ? rows : MR;
    add_rows<MR, NV, From, Ahead, true>(sum, first, x, w, b);
    add_rows<MR, NV, From, Ahead, false>(sum, rows - first, x, w, b);
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
      if (NV == 3 && rank >= 3 * MR) {
        // a vector with each of three tiles: the cores have few places for lines on their way
        tile<MR, NV, 0, 1>(0, j);
        tile<MR, NV, 1, 1>(MR, j);
        tile<MR, NV, 2, 1>(2 * MR, j);
        c = 3 * MR;
      } else if (rank >= MR) {
        tile<MR, NV, 0, NV>(0, j);
        c = MR;
      }
      for (; rank - c >= MR; c += MR)
        tile<MR, NV>(c, j);
      for (; c < rank; c += 4)
        tile<4, NV>(c, j);
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

template<class T> struct column_sums_op {
  int64_t groups;
  int64_t step;
  int64_t columns;
  const T* B;
  int64_t rank;
  T* A;
  int64_t lda;

  // Four components of NV vectors of columns, while the next four are on their way into the cache.
  template<int L, int NV> NONNEG_INLINE void tile(int64_t c, int64_t j) const {
    using vector = typename vectors<T, L>::type;
    constexpr int64_t block = column_block<T>;
    const T* b = B + (j / block * rank + c) * block + j % block;
    vector sum[4][NV] = {};
    for (int64_t g = 0; g < groups; g++) {
      NONNEG_UNROLL for (int r = 0; r < 4; r++) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) {
          __builtin_prefetch(b + (r + 4) * block + q * L, 0, 3);
          sum[r][q] += *(const vector*)(b + r * block + q * L);
        }
      }
      b += step;
    }
    const int64_t width = columns - j < NV * L ? columns - j : NV * L;
    transpose(4, width, (const T*)sum, NV * L, A + j * lda + c, lda);
  }
};

// A = the sum of all groups' B, transposed. B is walked as it lies, as most of it comes from far caches.
template<class T>
void column_sums(int64_t groups, int64_t step, int64_t columns, int64_t rank, const T* B, T* A, int64_t lda) {
  constexpr int L = lanes<T> < 4 ? 4 : lanes<T>;
  const column_sums_op<T> op = {groups, step, columns, B, rank, A, lda};
  int64_t j = 0;
  for (; columns - j > 2 * L; j += 3 * L) {
    for (int64_t c = 0; c < rank; c += 4)
      op.template tile<L, 3>(c, j);
  }
  for (; j < columns; j += L) {
    for (int64_t c = 0; c < rank; c += 4)
      op.template tile<L, 1>(c, j);
  }
}
