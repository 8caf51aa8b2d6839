// Exact least squares of the rows of a factor between bounds, as ts/kernels/pivoting.ts has it: one row after another,
// in float64. Of the Cholesky factor of the free components, the triangle of those with which the next set begins as
// well, of this row or of the next one of the same system, is kept. It has the bits that it would have if it were made
// anew, so that no row of the result depends on the rows before it.
class pivoting {
  static constexpr int L = lanes<double>;
  using vector = typename vectors<double, L>::type;

  // The square of what a component has beside those before it, as a share of its own, from which it counts as
  // dependent.
  static constexpr double dependent = 0x1p-24;
  // Of a gradient that counts as zero, in units of the largest entry of the right-hand side.
  static constexpr double slack = 0x1p-40;
  // Of the proximal term, in units of the largest entry of the diagonal.
  static constexpr double proximal = 0x1p-20;

  const int64_t moving, width, stride;
  double* const R;         // the factor's transpose by rows: R[a][b], a < b, for the kept components a and b
  double* next;            // free scratch
  double* const inverse;   // of R's diagonal
  double* const z;         // by kept components: the solution, half-way and whole
  double* const right;     // the right-hand side that the held components leave
  double* const held;      // where components are that are not free: 0 or the bound
  double* const f;         // the solution
  double* const slope;     // its gradient
  double* const diagonal;  // of B, while the proximal term is on it
  int64_t* const kept;     // the components that R has, in order
  int64_t* const factored; // of each component: whether it is in the set that R belongs to
  int64_t* const free;     // of each component: whether it may be between the bounds
  int64_t* const better;   // of each component: where it belongs by the conditions of a minimum
  int64_t count = 0;       // of the kept components

  // What `better` says.
  static constexpr int64_t stays = 0, to_zero = 1, to_bound = 2, becomes_free = 3;

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
    while (r < moving && free[r] == factored[r])
      r++;
    if (r == moving)
      return;
    while (count > 0 && kept[count - 1] >= r)
      count--;
    const int64_t whole = count;
    for (; r < moving; r++) {
      factored[r] = free[r];
      if (free[r])
        kept[count++] = r;
    }
    for (int64_t a = 0; a < count; a++)
      form_row(a, a < whole ? whole : a);
  }

  // Whether a component depends on those before it, one that is not zero in all of B.
  bool is_singular() const {
    for (int64_t a = 0; a < count; a++) {
      if (inverse[a] == 0 && B[kept[a] * (stride + 1)] > 0)
        return true;
    }
    return false;
  }

  // y += x * row, by whole vectors: rows go on with zeros.
  NONNEG_INLINE static void add(int64_t length, double x, const double* row, double* y) {
    for (int64_t i = 0; i < length; i += L)
      *(vector*)(y + i) += x * *(const vector*)(row + i);
  }

  // f = B's inverse times `wanted` in the free components that R is of, the others where they are held.
  void solve() {
    const double* from = wanted;
    for (int64_t r = 0; r < moving; r++) {
      f[r] = free[r] ? 0 : held[r];
      if (f[r] == 0)
        continue;
      for (int64_t s = 0; from == wanted && s < moving; s++)
        right[s] = wanted[s];
      from = right;
      add(moving, -f[r], B + r * stride, right);
    }
    for (int64_t a = 0; a < count; a++)
      z[a] = from[kept[a]];
    for (int64_t a = 0; a < count; a++) {
      z[a] *= inverse[a];
      add(count - a - 1, -z[a], R + a * stride + a + 1, z + a + 1);
    }
    for (int64_t i = 0; i < L; i++)
      z[count + i] = 0;
    for (int64_t a = count - 1; a >= 0; a--) {
      const double* const row = R + a * stride + a + 1;
      vector sum = {};
      for (int64_t i = 0; i < count - a - 1; i += L)
        sum += *(const vector*)(row + i) * *(const vector*)(z + a + 1 + i);
      z[a] = (z[a] - sum_of_lanes<double, L>(sum)) * inverse[a];
      f[kept[a]] = z[a];
    }
  }

  void find_slope(const double* at) {
    for (int64_t r = 0; r < moving; r++)
      slope[r] = -wanted[r];
    for (int64_t s = 0; s < moving; s++) {
      if (at[s] != 0)
        add(moving, at[s], B + s * stride, slope);
    }
  }

  // Puts the components of the start where they are at first; the gradient that counts as zero.
  double begin(double most) {
    double largest = 0;
    for (int64_t r = 0; r < moving; r++) {
      const double size = wanted[r] < 0 ? -wanted[r] : wanted[r];
      largest = size > largest ? size : largest;
      const bool above = start[r] > 0 && B[r * (stride + 1)] > 0;
      free[r] = above && start[r] < most;
      held[r] = above ? most : 0;
    }
    return slack * largest;
  }

  // What components break of the conditions of a minimum, at f; their number, and the last of them.
  int64_t judge(double zero, double most, int64_t& last) {
    find_slope(f);
    int64_t found = 0;
    for (int64_t r = 0; r < moving; r++) {
      if (free[r])
        better[r] = f[r] < 0 ? to_zero : f[r] > most ? to_bound : stays;
      else
        better[r] = (held[r] == 0 ? slope[r] < -zero : slope[r] > zero) ? becomes_free : stays;
      if (better[r] != stays)
        last = r;
      found += better[r] != stays;
    }
    return found;
  }

  void exchange(int64_t r, double most) {
    if (better[r] == stays)
      return;
    free[r] = better[r] == becomes_free;
    held[r] = better[r] == to_bound ? most : 0;
  }

  int64_t patience() const { return 5 * moving + 20; }

  // f = the minimum by block pivoting; false where a system is singular, or where there is no end to it.
  bool pivot(double most) {
    const double zero = begin(most);
    int64_t fewest = moving + 1, last = 0;
    int chances = 3;
    for (int64_t exchanges = 0; exchanges <= patience(); exchanges++) {
      factorise();
      if (is_singular())
        return false;
      solve();
      const int64_t found = judge(zero, most, last);
      if (found == 0)
        return true;
      const bool fewer = found < fewest;
      const bool all = fewer || chances > 0;
      chances = fewer ? 3 : chances - 1;
      fewest = fewer ? found : fewest;
      for (int64_t r = all ? 0 : last; r <= last; r++)
        exchange(r, most);
    }
    return false;
  }

  // How much of the way from one value to another lies within the bounds.
  static double share_within(double from, double end, double most) {
    if (end < 0)
      return from / (from - end);
    return end > most ? (most - from) / (end - from) : 1;
  }

  // What is to be minimised.
  double value_at(const double* at) {
    find_slope(at);
    double sum = 0;
    for (int64_t r = 0; r < moving; r++)
      sum += 0.5 * at[r] * (slope[r] - wanted[r]);
    return sum;
  }

  // start = its minimum by active sets, or where it came on the way; no step raises it.
  void descend(double most) {
    const double zero = begin(most);
    int64_t last = 0;
    for (int64_t r = 0; r < moving; r++)
      start[r] = start[r] > most ? most : start[r];
    for (int64_t step = 0; step <= patience(); step++) {
      factorise();
      solve();
      double share = 1;
      for (int64_t r = 0; r < moving; r++) {
        const double within = share_within(start[r], f[r], most);
        share = within < share ? within : share;
        right[r] = f[r] < 0 ? 0 : f[r] > most ? most : f[r];
      }
      if (share == 1) {
        for (int64_t r = 0; r < moving; r++)
          start[r] = f[r];
        if (judge(zero, most, last) == 0)
          return;
        for (int64_t r = 0; r < moving; r++)
          exchange(r, most);
        continue;
      }
      const bool lower = value_at(right) < value_at(start);
      for (int64_t r = 0; r < moving; r++) {
        const bool beyond = f[r] < 0 || f[r] > most;
        if (lower ? beyond : share_within(start[r], f[r], most) <= share) {
          free[r] = 0;
          start[r] = held[r] = f[r] < 0 ? 0 : most;
        } else {
          start[r] = lower ? f[r] : start[r] + share * (f[r] - start[r]);
        }
      }
    }
  }

  // The same with the proximal term, after which the system is as it was.
  void approach(double most) {
    double largest = 0;
    for (int64_t r = 0; r < moving; r++) {
      diagonal[r] = B[r * (stride + 1)];
      largest = diagonal[r] > largest ? diagonal[r] : largest;
    }
    const double delta = proximal * largest;
    for (int64_t r = 0; r < moving; r++) {
      if (diagonal[r] > 0) {
        B[r * (stride + 1)] += delta;
        wanted[r] += delta * start[r];
      }
    }
    forget();
    descend(most);
    for (int64_t r = 0; r < moving; r++) {
      B[r * (stride + 1)] = diagonal[r];
      f[r] = start[r];
    }
    forget();
  }

 public:
  double* const B;      // the system: width x stride, symmetric where it moves
  double* const wanted; // the right-hand side
  double* const start;  // the row as it is

  pivoting(int64_t moving, int64_t rank, double* scratch)
      : moving(moving), width(bpp_width(rank)), stride(bpp_stride(rank)), R(scratch + width * stride),
        next(R + width * stride), inverse(line<double>()), z(line<double>()), right(line<double>()),
        held(line<double>()), f(line<double>()), slope(line<double>()), diagonal(line<double>()), kept(line<int64_t>()),
        factored(line<int64_t>()), free(line<int64_t>()), better(line<int64_t>()), B(scratch), wanted(line<double>()),
        start(line<double>()) {}

  // B is another one: R belongs to no set any more.
  void forget() {
    count = 0;
    for (int64_t r = 0; r < moving; r++)
      factored[r] = 0;
  }

  // Moves a row of F to its minimum over [0, most]; its violation.
  template<class T> double move(T* to, double most) {
    find_slope(start);
    double violation = 0;
    for (int64_t r = 0; r < moving; r++) {
      if (slope[r] < 0)
        violation += start[r] < most ? -slope[r] : 0;
      else
        violation += start[r] > 0 ? slope[r] : 0;
    }
    if (!pivot(most))
      approach(most);
    for (int64_t r = 0; r < moving; r++)
      to[r] = f[r] < smallest<T> ? (T)0 : f[r] > most ? (T)most : (T)f[r];
    return violation;
  }
};
