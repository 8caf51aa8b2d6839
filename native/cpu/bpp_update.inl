// One row of F after another, in float64. Of the Cholesky factor of a passive set, the triangle of the components with
// which the next set begins as well, of this row or of the next one, is kept. It has the bits that it would have if it
// were made anew, so that no row of the result depends on the rows before it.
class bpp_solver {
  static constexpr int L = lanes<double>;
  using vector = typename vectors<double, L>::type;

  // The square of what a component has beside those before it, as a share of its own, from which it counts as
  // dependent.
  static constexpr double dependent = 0x1p-24;
  // Of a gradient that counts as zero, in units of the largest entry of the right-hand side.
  static constexpr double slack = 0x1p-40;

  const int64_t moving, stride;
  double* const B;         // moving x moving
  double* const R;         // the factor's transpose by rows: R[a][b], a < b, for the kept components a and b
  double* next;            // free scratch
  double* const inverse;   // of R's diagonal
  double* const z;         // by kept components: the solution, half-way and whole
  int64_t* const kept;     // the components that R has, in order
  int64_t* const factored; // of each component: whether it is in the set that R belongs to
  int64_t* const breaking; // of each component: whether it breaks the conditions of a minimum
  int64_t count = 0;       // of the kept components

  template<class E> E* line() {
    E* const from = (E*)next;
    next += stride;
    for (int64_t i = 0; i < stride; i++)
      from[i] = 0;
    return from;
  }

  // Entries b >= `from` of row a of R, scaled; with from = a those are all, the diagonal too. A component that depends
  // on those before it gets a row of zeros, and zero in every solution. The row goes on with zeros.
  void form_row(int64_t a, int64_t from) {
    const double* const bend = B + kept[a] * stride;
    double* const row = R + a * stride;
    for (int64_t b = from; b < count; b++)
      row[b] = bend[kept[b]];
    for (int64_t i = 0; i < L; i++)
      row[count + i] = 0;
    int64_t b = from;
    for (; count - b >= 4 * L; b += 4 * L)
      eliminate<4>(a, b);
    for (; b < count; b += L)
      eliminate<1>(a, b);
    if (from == a)
      inverse[a] = row[a] > dependent * bend[kept[a]] ? 1 / __builtin_sqrt(row[a]) : 0;
    for (b = from; b < count; b += L)
      *(vector*)(row + b) *= inverse[a];
  }

  // Takes what the rows before row a explain from NV vectors of it.
  template<int NV> NONNEG_INLINE void eliminate(int64_t a, int64_t b) {
    double* const to = R + a * stride + b;
    vector left[NV];
    NONNEG_UNROLL for (int q = 0; q < NV; q++) left[q] = *(const vector*)(to + q * L);
    for (int64_t c = 0; c < a; c++) {
      const double* const row = R + c * stride;
      NONNEG_UNROLL for (int q = 0; q < NV; q++) left[q] -= row[a] * *(const vector*)(row + b + q * L);
    }
    NONNEG_UNROLL for (int q = 0; q < NV; q++) {
      vector& place = *(vector*)(to + q * L);
      place = left[q];
    }
  }

  void factorise() {
    int64_t r = 0;
    while (r < moving && passive[r] == factored[r])
      r++;
    if (r == moving)
      return;
    while (count > 0 && kept[count - 1] >= r)
      count--;
    const int64_t whole = count;
    for (; r < moving; r++) {
      factored[r] = passive[r];
      if (passive[r])
        kept[count++] = r;
    }
    for (int64_t a = 0; a < count; a++)
      form_row(a, a < whole ? whole : a);
  }

  // y += x * row, by whole vectors: rows go on with zeros.
  NONNEG_INLINE static void add(int64_t length, double x, const double* row, double* y) {
    for (int64_t i = 0; i < length; i += L)
      *(vector*)(y + i) += x * *(const vector*)(row + i);
  }

  // B f = wanted on the passive set, zero elsewhere.
  void solve() {
    factorise();
    for (int64_t a = 0; a < count; a++)
      z[a] = wanted[kept[a]];
    for (int64_t a = 0; a < count; a++) {
      z[a] *= inverse[a];
      add(count - a - 1, -z[a], R + a * stride + a + 1, z + a + 1);
    }
    for (int64_t i = 0; i < L; i++)
      z[count + i] = 0;
    for (int64_t r = 0; r < moving; r++)
      f[r] = 0;
    for (int64_t a = count - 1; a >= 0; a--) {
      const double* const row = R + a * stride + a + 1;
      vector sum = {};
      for (int64_t i = 0; i < count - a - 1; i += L)
        sum += *(const vector*)(row + i) * *(const vector*)(z + a + 1 + i);
      z[a] = (z[a] - sum_of_lanes<double, L>(sum)) * inverse[a];
      f[kept[a]] = z[a];
    }
  }

 public:
  double* const wanted;   // the right-hand side
  double* const f;        // the solution
  double* const slope;    // its gradient
  int64_t* const passive; // of each component: whether it may be above zero

  // B is G's part that moves, with l2 on its diagonal.
  template<class T>
  bpp_solver(int64_t moving, const T* G, int64_t ldg, double l2, double* scratch)
      : moving(moving), stride(bpp_stride(moving)), B(scratch), R(B + moving * stride), next(R + moving * stride),
        inverse(line<double>()), z(line<double>()), kept(line<int64_t>()), factored(line<int64_t>()),
        breaking(line<int64_t>()), wanted(line<double>()), f(line<double>()), slope(line<double>()),
        passive(line<int64_t>()) {
    for (int64_t r = 0; r < moving; r++) {
      for (int64_t s = 0; s < stride; s++)
        B[r * stride + s] = s < moving ? (double)G[r * ldg + s] : 0;
      B[r * stride + r] += l2;
    }
  }

  void find_slope() {
    for (int64_t r = 0; r < moving; r++)
      slope[r] = -wanted[r];
    for (int64_t s = 0; s < moving; s++) {
      if (f[s] != 0)
        add(moving, f[s], B + s * stride, slope);
    }
  }

  // f = argmin over f >= 0 of f'Bf / 2 - wanted'f, from the passive set as it is.
  void pivot() {
    double largest = 0;
    for (int64_t r = 0; r < moving; r++) {
      const double size = wanted[r] < 0 ? -wanted[r] : wanted[r];
      largest = size > largest ? size : largest;
    }
    int64_t fewest = moving + 1, last = 0;
    int chances = 3;
    for (int64_t exchange = 0;; exchange++) {
      solve();
      find_slope();
      int64_t found = 0;
      for (int64_t r = 0; r < moving; r++) {
        breaking[r] = passive[r] ? f[r] < 0 : slope[r] < -slack * largest;
        if (breaking[r])
          last = r;
        found += breaking[r];
      }
      if (found == 0 || exchange >= 5 * moving + 20)
        return;
      const bool fewer = found < fewest;
      const bool all = fewer || chances > 0;
      chances = fewer ? 3 : chances - 1;
      fewest = fewer ? found : fewest;
      for (int64_t r = 0; r < moving; r++)
        passive[r] ^= all ? breaking[r] : r == last;
    }
  }
};

template<class T>
double bpp_update(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                  const update_terms<T>& terms, double* scratch) {
  const int64_t moving = terms.moving < rank ? terms.moving : rank;
  bpp_solver row(moving, G, ldg, terms.l2, scratch);
  double violation = 0;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    const T* const n = N + i * ldn;
    for (int64_t r = 0; r < moving; r++) {
      row.f[r] = f[r];
      row.passive[r] = f[r] > 0;
      row.wanted[r] = (double)n[r] - terms.l1;
    }
    for (int64_t s = moving; s < rank; s++) {
      for (int64_t r = 0; r < moving; r++)
        row.wanted[r] -= (double)f[s] * G[s * ldg + r];
    }
    row.find_slope();
    for (int64_t r = 0; r < moving; r++)
      violation += row.slope[r] < 0 ? -row.slope[r] : f[r] > 0 ? row.slope[r] : 0;
    row.pivot();
    for (int64_t r = 0; r < moving; r++)
      f[r] = row.f[r] < smallest<T> ? (T)0 : (T)row.f[r];
  }
  return violation;
}
