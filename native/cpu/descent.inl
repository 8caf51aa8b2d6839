// Coordinate descent along one row of a factor: what dense and CSR rows share. All arrays run along the places of X
// that the row looks at.

template<int L> struct half_turn {
  template<int By> struct by {
    static constexpr int of(int l) { return (l + By) % L; }
  };
};

template<class T, int L, int By = L / 2> NONNEG_INLINE T sum_of_lanes(typename vectors<T, L>::type v) {
  if constexpr (By == 0) {
    return v[0];
  } else {
    using turn = typename half_turn<L>::template by<By>;
    return sum_of_lanes<T, L, By / 2>(v + pick_lanes<turn, T, L>(v, v, typename count_lanes<L>::type()));
  }
}

template<class T> struct descent_row {
  int64_t count;
  const T* x;
  const T* v; // weights; null: all are 1
  T* u;       // the model, kept up to date
};

template<class T> struct descent_choices {
  update_terms<T> terms;
  bool zeros;   // unlisted entries count: what the model adds to the gradient is in `sums` for all entries
  bool measure; // the divergence before the sweep
};

struct descent_totals {
  double loss = 0, violation = 0;
};

template<class T, int L, loss_kind K> struct descent {
  using vector = typename vectors<T, L>::type;
  using single = typename vectors<T, 1>::type;
  static constexpr bool may_be_above_2 = K == loss_kind::any || K == loss_kind::cubed;
  static constexpr bool may_be_below_2 = K != loss_kind::squared && K != loss_kind::cubed;
  const loss_constants<T> of;
  const descent_choices<T> how;
  const split_exponent<T> shortened; // 1 / (beta - 2), and above 2 1 / (beta - 1)

  descent(double beta, const descent_choices<T>& how)
      : of(beta), how(how), shortened(beta > 2 ? 1 / (beta - 1) : 1 / (beta - 2)) {}

  // Where a step downwards ends where beta < 2; `run` is h f.
  NONNEG_INLINE T lowered(T value, T gradient, T run) const {
    if constexpr (K == loss_kind::kullback_leibler)
      return value / (1 + gradient / run);
    const single steepness = (single){} + (1 + ((T)2 - of.beta) * gradient / run);
    if constexpr (K == loss_kind::itakura_saito)
      return value / square_root<T, 1>(steepness)[0];
    else if constexpr (K == loss_kind::three_halves)
      return value / (steepness[0] * steepness[0]);
    else
      return value * power<T, 1>(steepness, shortened)[0];
  }

  // By which share of a model at most a step upwards raises it where beta > 2; `change` is (beta - 1) |g| s / h.
  NONNEG_INLINE T growth(T change) const {
    const single steepness = (single){} + (1 + change);
    if constexpr (K == loss_kind::cubed)
      return square_root<T, 1>(steepness)[0] - 1;
    else
      return power<T, 1>(steepness, shortened)[0] - 1;
  }

  // Where a step ends, projected to [0, most]: Newton's, or nearer, before the loss can rise, as ts/kernels/cd_dense.ts
  // derives it. Without curvature the loss is linear: the step falls to zero or stays.
  NONNEG_INLINE T moved(const descent_row<T>& row, const T* o, T value, T gradient, T bend) const {
    if (!(bend > 0))
      return gradient > 0 ? 0 : value;
    T next = value - gradient / bend;
    if constexpr (may_be_below_2) {
      if (of.beta < 2 && gradient > 0)
        next = lowered(value, gradient, bend * value);
    }
    if constexpr (may_be_above_2) {
      if (of.beta > 2 && gradient < 0) {
        const T s = steepest(row, o);
        if (s > 0)
          next = value + growth(((T)1 - of.beta) * gradient * s / bend) / s;
      }
    }
    const T capped = next > how.terms.most ? how.terms.most : next;
    return next < smallest<T> ? 0 : capped;
  }

  // Of the row's places from p, `left` in number; those beyond weigh nothing.
  NONNEG_INLINE vector weights_at(const descent_row<T>& row, int64_t p, int64_t left) const {
    const vector ones = (vector){} + (T)1;
    if (left >= L)
      return row.v ? *(const vector*)(row.v + p) : ones;
    return row.v ? load_first<T, L>(left, row.v + p, 0) : load_first<T, L>(left, (const T*)&ones, 0);
  }
  NONNEG_INLINE static vector load(int64_t left, const T* from, T others) {
    return left >= L ? *(const vector*)from : load_first<T, L>(left, from, others);
  }
  NONNEG_INLINE static void store(int64_t left, vector v, T* to) {
    if (left >= L)
      *(vector*)to = v;
    else
      store_first<T, L>(left, v, to);
  }

  // u += change * o
  void shift(const descent_row<T>& row, T change, const T* o) const {
    for (int64_t p = 0; p < row.count; p += L) {
      const int64_t left = row.count - p;
      store(left, load(left, row.u + p, 1) + change * load(left, o + p, 0), row.u + p);
    }
  }

  double loss(const descent_row<T>& row) const {
    const vector zero = {};
    wide_sum<T, L> sum;
    for (int64_t p = 0; p < row.count; p += L) {
      const int64_t left = row.count - p;
      const loss_at<T, L, K> at(of, load(left, row.x + p, 1), load(left, row.u + p, 1));
      const vector v = weights_at(row, p, left);
      const vector d = v * at.divergence(how.zeros ? (T)0 : (T)1);
      sum.add(v > zero ? d : zero);
    }
    return sum.total();
  }

  // What the differences leave of a small u are rounding errors: see `steady` in ts/kernels/beta.ts.
  NONNEG_INLINE static vector steady(vector u) {
    if constexpr (K == loss_kind::squared)
      return u;
    const vector least = (vector){} + least_model<T>;
    return u > least ? u : least;
  }

  // The largest o / u of the row's places that weigh something: a pass of its own, for steps upwards above beta = 2.
  T steepest(const descent_row<T>& row, const T* o) const {
    const vector zero = {};
    vector most = {};
    for (int64_t p = 0; p < row.count; p += L) {
      const int64_t left = row.count - p;
      const vector ratio = load(left, o + p, 0) / steady(load(left, row.u + p, 1));
      const vector counted = weights_at(row, p, left) > zero ? ratio : zero;
      most = counted > most ? counted : most;
    }
    T largest = 0;
    for (int l = 0; l < L; l++)
      largest = most[l] > largest ? most[l] : largest;
    return largest;
  }

  // Gradient and curvature of the loss along o, at u + change * before, which becomes u.
  NONNEG_INLINE void slopes(const descent_row<T>& row, const T* o, T change, const T* before, T& gradient,
                            T& bend) const {
    vector g = {}, h = {};
    const T share = how.zeros ? 0 : 1;
    for (int64_t p = 0; p < row.count; p += L) {
      const int64_t left = row.count - p;
      const vector u = load(left, row.u + p, 1) + change * load(left, before + p, 0);
      store(left, u, row.u + p);
      const vector along = load(left, o + p, 0);
      const vector weighed = weights_at(row, p, left) * along;
      const loss_at<T, L, K> at(of, load(left, row.x + p, 1), steady(u));
      g += weighed * (share * at.push() - at.pull());
      h += weighed * along * at.curvature();
    }
    gradient = sum_of_lanes<T, L>(g);
    bend = sum_of_lanes<T, L>(h);
  }

  // `along(r)`: row r of O at the row's places; it stays valid until along(r + 2).
  template<class Along>
  void sweep(const descent_row<T>& row, int64_t rank, T* F, const T* sums, const Along& along,
             descent_totals& total) const {
    for (int64_t p = 0; p < row.count; p++)
      row.u[p] = 0;
    for (int64_t r = 0; r < rank; r++)
      shift(row, F[r], along(r));
    if (how.measure)
      total.loss += loss(row);
    T change = 0;
    const T* before = along(0);
    for (int64_t r = 0; r < how.terms.moving; r++) {
      const T* const o = along(r);
      T gradient = 0, bend = 0;
      slopes(row, o, change, before, gradient, bend);
      gradient += how.terms.l1 + how.terms.l2 * F[r] + (how.zeros ? sums[r] : (T)0);
      bend += how.terms.l2;
      if (gradient < 0)
        total.violation += F[r] < how.terms.most ? -gradient : 0;
      else
        total.violation += F[r] > 0 ? gradient : 0;
      const T next = moved(row, o, F[r], gradient, bend);
      change = next - F[r];
      before = o;
      F[r] = next;
    }
  }
};
