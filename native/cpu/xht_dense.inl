template<class T> struct xht_dense_op {
  int64_t columns;
  const T* X;
  int64_t ldx;
  const T* Ht;
  int64_t ldh;
  T* N;
  int64_t ldn;
  bool adds; // to what N holds

  // `Ahead`: the rows of the next tile are on their way into the cache meanwhile.
  template<int L, int MR, int NV, bool Ahead = false> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<T, L>::type;
    vector sum[MR][NV] = {};
    if (adds) {
      NONNEG_UNROLL for (int r = 0; r < MR; r++) {
        NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] = *(const vector*)(N + (r0 + r) * ldn + c + q * L);
      }
    }
    const T* x = X + r0 * ldx;
    const T* h = Ht + c;
    int64_t rest = columns;
    if constexpr (Ahead) {
      constexpr int line = 64 / (int)sizeof(T), steps = 2, fetches = (MR * steps + line - 1) / line;
      for (; rest >= line; rest -= line) {
        const T* ahead = x + MR * ldx;
        for (int d = 0; d < line; d += steps) {
          NONNEG_UNROLL for (int f = 0; f < fetches; f++) {
            __builtin_prefetch(ahead, 0, 3);
            ahead += ldx;
          }
          multiply_steps<T, L, MR, NV, steps>(sum, x + d, ldx, h, ldh);
          h += steps * ldh;
        }
        x += line;
      }
    }
    multiply<T, L, MR, NV>(sum, rest, x, ldx, 1, h, ldh);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + (r0 + r) * ldn + c + q * L) = sum[r][q];
    }
  }

  template<int L, int MR, int NV> void strip(int64_t rows, int64_t c) const {
    int64_t r = 0;
    if (c == 0) {
      for (; rows - r >= MR; r += MR)
        tile<L, MR, NV, true>(r, 0);
    }
    tile_rows<L, MR, NV>(*this, rows, r, c);
  }

  void scalar(int64_t r, int64_t c) const {
    const T sum = multiply_one(columns, X + r * ldx, 1, Ht + c, ldh);
    N[r * ldn + c] = adds ? N[r * ldn + c] + sum : sum;
  }
};

// In blocks of columns: the vectors of so many rows of Ht that a tile takes stay in a near cache while the rows of X
// pass by. Long tiles take the fewest instructions for each multiplication, which counts where the other thread of the
// core wants its share of them.
template<class T>
void xht_dense(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* Ht, int64_t ldh, T* N,
               int64_t ldn) {
  constexpr int L = lanes<T>;
  constexpr int64_t block = 256;
  int64_t j = 0;
  do {
    const int64_t width = columns - j < block ? columns - j : block;
    const xht_dense_op<T> op = {width, X + j, ldx, Ht + j * ldh, ldh, N, ldn, j > 0};
    int64_t c = 0;
#ifdef NONNEG_LONG_ROWS
    for (; rank - c >= 4 * L; c += 4 * L)
      op.template strip<L, NONNEG_LONG_ROWS, 4>(rows, c);
#endif
    for (; rank - c >= 2 * L; c += 2 * L)
      op.template strip<L, NONNEG_WIDE_ROWS, 2>(rows, c);
    cover<T, NONNEG_WIDE_ROWS, NONNEG_NARROW_ROWS>(op, rows, rank, c);
    j += block;
  } while (j < columns);
}
