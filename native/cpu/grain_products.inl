// N = X Ht with X in grains: G columns of a row at a time, repeated over a vector whose lanes hold the same G columns
// of L / G components. Ht is packed to suit: G of its rows together, each component's G elements in a row. So a rank
// that fills few vectors, or no whole number of them, fills as many as the best tiles take, each element of X is loaded
// once for all of them, and what a tile sums over its lanes at its end are G of them, not L.

// Rows of a tile by how many vectors of right operands it has, from one on.
constexpr int grain_rows[] = {NONNEG_GRAIN_ROWS};
constexpr int most_vectors = sizeof(grain_rows) / sizeof(grain_rows[0]);
static_assert(most_vectors == 4 || most_vectors == 5, "the cases of grain_products_op::product");

// The vectors of a group of columns in as few passes as can be, as even as can be: the first `wide` take `widest`
// vectors, the others one less.
struct grain_passes {
  int64_t count, widest, wide;
  constexpr explicit grain_passes(int64_t vectors)
      : count((vectors + most_vectors - 1) / most_vectors), widest((vectors + count - 1) / count),
        wide(vectors - count * (widest - 1)) {}
};

// A tile of r rows and v vectors loads r + v of them for r * v multiplications, and loads are what bounds it where
// another thread shares the core: the more nearly square, the fewer. The smallest grain by which a group of columns
// fills three vectors or more reaches such tiles; a larger one would take more passes and longer sums over lanes. 1: Ht
// as it is, by xht_dense, whose best tiles the rank fills. Where no load repeats what it loads, each would cost a
// shuffle: the grain is a whole vector.
template<class T> int64_t grain_of(int64_t rank) {
  constexpr int L = lanes<T>;
#ifdef NONNEG_REPEATS
  constexpr int tile = L * (most_vectors > 4 ? 4 : 128 / NONNEG_VECTOR_BYTES);
  if (rank % tile == 0)
    return 1;
  for (int64_t G = 2; G < L; G *= 2) {
    if (rank * G % L == 0 && rank * G >= 3 * L)
      return G;
  }
#endif
  return L;
}

// Rows of Ht in groups of G, transposed, the components of one pass after those of another; what is left of a cache
// line is zeros.
template<class T>
void pack_grains(int64_t first, int64_t columns, int64_t rank, const T* Ht, int64_t ldh, T* H, int64_t capacity) {
  constexpr int64_t L = lanes<T>, line = 64 / sizeof(T);
  const int64_t G = grain_of<T>(rank), groups = columns / G, end = (columns + line - 1) / line * line;
  const grain_passes passes(rank * G / L);
  int64_t c = 0;
  for (int64_t pass = 0; pass < passes.count; pass++) {
    const int64_t width = (pass < passes.wide ? passes.widest : passes.widest - 1) * L / G;
    const T* h = Ht + c;
    T* to = H + c * capacity + first * width;
    T* const last = to + groups * G * width;
    for (; to < last; to += G * width) {
      if (G == 2)
        interleave(width, h, h + ldh, to);
      else
        transpose(G, width, h, ldh, to, G);
      h += G * ldh;
    }
    for (int64_t i = 0; i < (end - groups * G) * width; i++)
      to[i] = 0;
    transpose(columns - groups * G, width, h, ldh, to, G);
    c += width;
  }
}

template<class T> struct grain_products_op {
  int64_t columns;
  const T* X;
  int64_t ldx;
  const T* H;
  int64_t capacity;
  int64_t first; // column
  int64_t rank;
  T* N;
  int64_t ldn;
  bool adds;    // to what N holds
  bool fetches; // rows of X before their tile comes

  // MR rows of X by NV vectors of each group of H, from vector q0 on. Of the MR rows that follow, those from `begin` to
  // `end` are on their way into the cache meanwhile.
  template<int G, int MR, int NV> NONNEG_APART void tile(int64_t r0, int64_t q0, int64_t begin, int64_t end) const {
    constexpr int L = lanes<T>, line = 64 / (int)sizeof(T), threes = (MR + 2) / 3;
    using vector = typename vectors<T, L>::type;
    using all = typename count_lanes<L>::type;
    vector sum[MR][NV] = {};
    const T* x[threes];
    NONNEG_UNROLL for (int g = 0; g < threes; g++) x[g] = X + (r0 + 3 * g) * ldx;
    const T* h = H + q0 * L / G * capacity + first * (NV * L / G);
    const T* ahead = X + (r0 + MR + begin) * ldx;
    for (int64_t j = 0; j < columns; j += line) {
      const T* next = ahead;
      for (int64_t r = begin; r < end; r++) {
        __builtin_prefetch(next, 0, 2);
        next += ldx;
      }
      ahead += line;
      const T* const end_of_line = x[0] + line;
      while (x[0] < end_of_line) { // whose steps the compiler cannot count, and so not spread over more registers
        const auto left_of = [&](int r) __attribute__((always_inline)) {
          return repeat_lanes<T, L, G>(x[r / 3] + r % 3 * ldx, all());
        };
        // the fewer operands wait in registers
        if constexpr (NV <= MR) {
          vector right[NV];
          NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(h + q * L);
          NONNEG_UNROLL for (int r = 0; r < MR; r++) {
            const vector left = left_of(r);
            NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
          }
        } else {
          vector left[MR];
          NONNEG_UNROLL for (int r = 0; r < MR; r++) left[r] = left_of(r);
          NONNEG_UNROLL for (int q = 0; q < NV; q++) {
            vector right = *(const vector*)(h + q * L);
            NONNEG_LOADED(right);
            NONNEG_UNROLL for (int r = 0; r < MR; r++) sum[r][q] += left[r] * right;
          }
        }
        h += NV * L;
        NONNEG_UNROLL for (int g = 0; g < threes; g++) {
          x[g] += G;
          NONNEG_OPAQUE(x[g]);
        }
      }
    }
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      T* const n = N + (r0 + r) * ldn + q0 * L / G;
      if constexpr (G == L && L >= 4 && NV == 4) {
        const auto sums = add_segments<T, L>(sums_of<T, L, 4>(sum[r]));
        put<4>(&sums, n);
      } else {
        add_neighbours<T, L, G, NV>(sum[r]);
        put<NV * L / G>(sum[r], n);
      }
    }
  }

  // The first Count lanes of so many vectors.
  template<int Count, class Vector> NONNEG_INLINE void put(const Vector* sums, T* n) const {
    constexpr int L = sizeof(Vector) / sizeof(T), whole = Count / L * L, step = Count % 4 == 0 ? 4 : 2;
    using part = typename vectors<T, step>::type;
    NONNEG_UNROLL for (int c = 0; c < whole; c += L) {
      auto* const to = (Vector*)(n + c);
      *to = adds ? *to + sums[c / L] : sums[c / L];
    }
    NONNEG_UNROLL for (int c = whole; c < Count; c += step) {
      auto* const to = (part*)(n + c);
      const part those = ((const part*)sums)[c / step];
      *to = adds ? *to + those : those;
    }
  }

  // Grains with which each pass takes four vectors: where there is a choice only ranks of 4 and 8 come to grains as
  // long, where there is none ranks are multiples of 4.
  template<int G> static constexpr bool fours = G == lanes<T> || (G > 2 && G == lanes<T> / 2);

  // Each tile's passes over its rows, which stay in the level-1 cache, share the next rows evenly: the cores have few
  // places for lines on their way.
  template<int G, int MR, int NV> void tiles(int64_t rows, int64_t r, const grain_passes& passes) const {
    for (; rows - r >= MR; r += MR) {
      int64_t q = 0;
      for (int64_t pass = 0; pass < passes.count; pass++) {
        const int64_t begin = pass * MR / passes.count, end = fetches ? (pass + 1) * MR / passes.count : begin;
        if (fours<G> || pass < passes.wide) {
          tile<G, MR, NV>(r, q, begin, end);
          q += NV;
        } else if constexpr (!fours<G>) {
          tile<G, MR, NV - 1>(r, q, begin, end);
          q += NV - 1;
        }
      }
    }
    if constexpr (MR > 1)
      tiles<G, MR % 2 ? MR - 1 : MR / 2, NV>(rows, r, passes);
  }

  template<int G> void product(int64_t rows) const {
    const grain_passes passes(rank * G / lanes<T>);
    if constexpr (!fours<G>) {
      if constexpr (most_vectors > 4) {
        if (passes.widest == 5)
          return tiles<G, grain_rows[most_vectors - 1], 5>(rows, 0, passes);
      }
      if (passes.widest == 3)
        return tiles<G, grain_rows[2], 3>(rows, 0, passes);
    }
    tiles<G, grain_rows[3], 4>(rows, 0, passes);
  }

  // Finds the grain as a constant.
  template<int G = lanes<T>> void product_by(int64_t grain, int64_t rows) const {
    if (grain == G)
      return product<G>(rows);
#ifdef NONNEG_REPEATS
    if constexpr (G > 2)
      product_by<G / 2>(grain, rows);
#endif
  }
};

// AMD's cores follow rows of no more than a page, read once, by themselves, and faster than they are asked to: measured
// on Zen 5 at ranks 16 and 20. Longer rows want the prefetches there too, and Intel's cores all of them.
inline bool follows_short_rows() {
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  static const bool amd = __builtin_cpu_is("amd");
  return amd;
#else
  return false;
#endif
}

// Column blocks whose rows of X stay in the level-1 cache while a tile's passes go by.
template<class T>
void grain_products(int64_t rows, int64_t first, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* H,
                    int64_t capacity, T* N, int64_t ldn) {
  constexpr int64_t block = 4096 / sizeof(T);
  const int64_t grain = grain_of<T>(rank);
  const bool fetches = !follows_short_rows() || columns > block || grain_passes(rank * grain / lanes<T>).count > 1;
  int64_t j = 0;
  do { // once for no columns too, whose products are zero
    const int64_t width = columns - j < block ? columns - j : block;
    const grain_products_op<T> op = {width, X + j, ldx, H, capacity, first + j, rank, N, ldn, j > 0, fetches};
    op.product_by(grain, rows);
    j += block;
  } while (j < columns);
}
