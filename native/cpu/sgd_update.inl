// Inner products in float64, where those of two float32 are exact; the lanes are widened in halves.
template<class T, int L> struct product_sum {
  using vector = typename vectors<T, L>::type;
  static constexpr int half = L > 1 ? L / 2 : 1;
  using narrow = typename vectors<T, half>::type;
  using wide = typename vectors<double, half>::type;
  wide low = {}, high = {};

  NONNEG_INLINE void add(vector a, vector b) {
    const auto* const x = (const narrow*)&a;
    const auto* const y = (const narrow*)&b;
    low += __builtin_convertvector(x[0], wide) * __builtin_convertvector(y[0], wide);
    if constexpr (L > 1)
      high += __builtin_convertvector(x[1], wide) * __builtin_convertvector(y[1], wide);
  }

  double total() const {
    double sum = 0;
    for (int l = 0; l < half; l++)
      sum += low[l] + high[l];
    return sum;
  }
};

// Components of a row, L at once, of which those beyond `left` stay and count in no sum.
template<class T, int L> struct sgd_lanes {
  using vector = typename vectors<T, L>::type;
  using hashes = typename vectors<uint32_t, L>::type;
  using halves = typename vectors<int32_t, L>::type;
  using word = typename words<T, L>::type;
  const T rate, scale, limit;
  const T noise_unit; // of the sum of four numbers of 16 bits, whose standard deviation is 2^16 / sqrt(3)
  const update_terms<T> terms;
  hashes twice = {}; // the number of each lane, doubled
  word lane = {};
  product_sum<T, L> squares, alignment;

  explicit sgd_lanes(const gradient_step<T>& step)
      : rate((T)step.rate), scale((T)step.scale), limit((T)step.limit),
        noise_unit((T)(step.noise * 1.7320508075688772 / 65536)), terms(step.terms) {
    for (int l = 0; l < L; l++) {
      twice[l] = 2 * (uint32_t)l;
      lane[l] = (typename float_format<T>::word)l;
    }
  }

  // Four numbers of 16 bits from two hashes less their mean: a whole number that float32 holds.
  NONNEG_INLINE vector noise(uint32_t row_key, int64_t r) const {
    const hashes key = twice + (row_key + 2 * (uint32_t)r);
    const hashes a = mixed(key), b = mixed(key + 1u);
    const hashes sum = ((a & 0xffffu) + (a >> 16)) + ((b & 0xffffu) + (b >> 16));
    return __builtin_convertvector((halves)sum - 131070, vector);
  }

  // P holds Σ_s F[i,s]·G[s,r]; D may be null.
  NONNEG_INLINE void move(int64_t left, T* F, const T* N, const T* P, T* D, uint32_t row_key, int64_t r) {
    const vector zero = {};
    const vector least = zero + smallest<T>, most = zero + terms.most;
    const auto moves = lane < (word){} + (typename float_format<T>::word)(left < L ? left : L);
    const vector was = *(const vector*)F;
    vector gradient = scale * (*(const vector*)P - *(const vector*)N) + (terms.l1 + terms.l2 * was);
    if (noise_unit > 0)
      gradient += noise_unit * noise(row_key, r);
    const vector counted = moves ? gradient : zero;
    squares.add(counted, counted);
    if (D) {
      const vector before = *(const vector*)D;
      alignment.add(counted, before);
      *(vector*)D = moves ? gradient : before;
    }
    const vector stepped = was - rate * gradient;
    const vector capped = stepped > most ? most : stepped;
    const vector bounded = stepped < least ? zero : capped;
    const vector change = bounded - was;
    const vector lowered = change < zero - limit ? was - limit : bounded;
    const vector now = change > zero + limit ? was + limit : lowered;
    *(vector*)F = moves ? now : was;
  }
};

// A panel's products with G first, by the tiles of xht_dense, then its rows by whole vectors where they reach so far:
// the gradient of a row is that of the row as it was.
template<class T> void sgd_update(const gradient_step<T>& step) {
  constexpr int L = lanes<T>;
  sgd_lanes<T, L> wide(step);
  sgd_lanes < T, L<8 ? L : 8> narrow(step);
  sgd_lanes<T, 1> single(step);
  const int64_t rank = step.rank, moving = step.terms.moving, ld = step.ld;
  const int64_t whole = (moving + rank_multiple - 1) / rank_multiple * rank_multiple;
  const int64_t width = whole < rank ? whole : rank;
  const uint32_t draw_key = mixed(mixed(step.seed) + step.draw);
  for (int64_t first = 0; first < step.rows; first += panel_rows) {
    const int64_t count = step.rows - first < panel_rows ? step.rows - first : panel_rows;
    xht_dense<T>(count, rank, rank, step.F + first * ld, ld, step.G, step.ldg, step.scratch, rank);
    for (int64_t i = 0; i < count; i++) {
      const int64_t row = (first + i) * ld;
      T* const f = step.F + row;
      const T* const n = step.N + row;
      const T* const p = step.scratch + i * rank;
      T* const d = step.D ? step.D + row : nullptr;
      const uint32_t row_key = mixed(draw_key + step.first + (uint32_t)(first + i));
      int64_t r = 0;
      for (; r < moving && width - r >= L; r += L)
        wide.move(moving - r, f + r, n + r, p + r, d ? d + r : nullptr, row_key, r);
      if constexpr (L > 8) {
        for (; width - r >= 8; r += 8)
          narrow.move(moving - r, f + r, n + r, p + r, d ? d + r : nullptr, row_key, r);
      }
      for (; r < moving; r++)
        single.move(moving - r, f + r, n + r, p + r, d ? d + r : nullptr, row_key, r);
    }
  }
  step.sums[0] += wide.squares.total() + narrow.squares.total() + single.squares.total();
  step.sums[1] += wide.alignment.total() + narrow.alignment.total() + single.alignment.total();
}
