// Blocks of a CSR row's entries: as many as a vector has lanes go together. Their models u = F·O are reduced by one
// tree of shuffles, one division serves them all, and their rows of O are read again while the level-1 cache holds
// them.

// Rows of O in this order ahead of their use are asked for early: the index list is read in order, the rows are not.
constexpr int64_t entries_ahead = 16;

// sums[e] += products of f with components at … at + NV * L of o[e]. The last vector of a row ends with it and may
// overlap the one before: f is zero where it does.
template<class T, int L, int NV>
NONNEG_INLINE void add_products(const T* const (&o)[L], int64_t at, int64_t last, const typename vectors<T, L>::type* f,
                                typename vectors<T, L>::type (&sums)[L]) {
  using vector = typename vectors<T, L>::type;
  NONNEG_UNROLL for (int e = 0; e < L; e++) {
    NONNEG_UNROLL for (int q = 0; q < NV - 1; q++) sums[e] += f[q] * *(const vector*)(o[e] + at + q * L);
    sums[e] += f[NV - 1] * *(const vector*)(o[e] + last);
  }
}

// N += sum over e of share[e] * o[e], for the same components. All of N is read before any is written: lanes of the
// overlap are computed twice, and alike.
template<class T, int L, int NV>
NONNEG_INLINE void add_rows(const T* const (&o)[L], const T* share, int64_t at, int64_t last, T* N) {
  using vector = typename vectors<T, L>::type;
  vector even[NV] = {}, odd[NV] = {};
  NONNEG_UNROLL for (int e = 0; e < L; e++) {
    vector(&sum)[NV] = e % 2 == 0 ? even : odd;
    NONNEG_UNROLL for (int q = 0; q < NV - 1; q++) sum[q] += share[e] * *(const vector*)(o[e] + at + q * L);
    sum[NV - 1] += share[e] * *(const vector*)(o[e] + last);
  }
  NONNEG_UNROLL for (int q = 0; q < NV; q++) even[q] += odd[q] + *(const vector*)(N + (q < NV - 1 ? at + q * L : last));
  NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + (q < NV - 1 ? at + q * L : last)) = even[q];
}

// The components of a row of any rank >= L as vectors: First of them, then as many times More as it takes.
template<class T, int Lanes, int First, int More> struct row_shape {
  static constexpr int L = Lanes;
  using vector = typename vectors<T, L>::type;
  int64_t rank;
  int64_t times;
  vector keep; // 0 in the lanes of the last vector that the one before it has too

  explicit row_shape(int64_t rank) : rank(rank), times(((rank + L - 1) / L - First) / More) {
    const int64_t overlap = (First + More * times) * L - rank;
    for (int l = 0; l < L; l++)
      keep[l] = l < overlap ? 0 : 1;
  }

  template<int NV>
  NONNEG_INLINE void models_of(const T* F, const T* const (&o)[L], int64_t at, bool ends, vector (&sums)[L]) const {
    const int64_t last = ends ? rank - L : at + (NV - 1) * L;
    vector f[NV];
    NONNEG_UNROLL for (int q = 0; q < NV - 1; q++) f[q] = *(const vector*)(F + at + q * L);
    f[NV - 1] = *(const vector*)(F + last);
    if (ends)
      f[NV - 1] *= keep;
    add_products<T, L, NV>(o, at, last, f, sums);
  }

  // u[e] = product of F and o[e]
  NONNEG_INLINE void models(const T* F, const T* const (&o)[L], T* u) const {
    vector sums[L] = {};
    models_of<First>(F, o, 0, times == 0, sums);
    for (int64_t n = 0; n < times; n++)
      models_of<More>(F, o, (First + n * More) * L, n == times - 1, sums);
    *(vector*)u = sums_of<T, L, L>(sums);
  }

  // N += sum over e of share[e] * o[e]
  NONNEG_INLINE void add(const T* const (&o)[L], const T* share, T* N) const {
    add_rows<T, L, First>(o, share, 0, times == 0 ? rank - L : (First - 1) * L, N);
    for (int64_t n = 0; n < times; n++) {
      const int64_t at = (First + n * More) * L;
      add_rows<T, L, More>(o, share, at, n == times - 1 ? rank - L : at + (More - 1) * L, N);
    }
  }
};

// use(shape) with the shape of rows of this rank. Few components less than the lanes leave few shapes.
template<class T, class Use> NONNEG_INLINE void with_shape(int64_t rank, const Use& use) {
  constexpr int L = lanes<T>;
  if constexpr (L > 8) {
    if (rank >= 8 && rank < L)
      return rank == 8 ? use(row_shape<T, 8, 1, 1>(rank)) : use(row_shape<T, 8, 2, 1>(rank));
  }
  if (rank < L)
    return use(row_shape<T, 1, 1, 1>(rank));
  switch ((rank + L - 1) / L % 4) {
  case 1:
    return use(row_shape<T, L, 1, 4>(rank));
  case 2:
    return use(row_shape<T, L, 2, 4>(rank));
  case 3:
    return use(row_shape<T, L, 3, 4>(rank));
  default:
    return use(row_shape<T, L, 4, 4>(rank));
  }
}
