// The beta-divergence d(x | u) of whole vectors and its derivatives in u, as ts/kernels/beta.ts has them. The losses
// that people ask for have code of their own; all others go by logarithm and power.
enum class loss_kind { any, squared, kullback_leibler, itakura_saito, half, three_halves, cubed };

// What negative powers and logarithms take for a u of 0: float32's machine epsilon, in both element types.
template<class T> constexpr T least_model = (T)0x1p-23;

template<class T> struct loss_constants {
  T beta;
  split_exponent<T> beta_less_2, to_beta;
  T convex_push, convex_pull; // [beta - 1]+ and [2 - beta]+
  T scale;                    // 1 / (beta (beta - 1)), where that is used
  T least;                    // no u above 0 counts as less in a power: see `safe` in ts/kernels/beta.ts
  T least_at_zero;            // and no u at all

  explicit loss_constants(double of)
      : beta((T)of), beta_less_2(of - 2), to_beta(of), convex_push((T)(of > 1 ? of - 1 : 0)),
        convex_pull((T)(of < 2 ? 2 - of : 0)), scale((T)(of == 0 || of == 1 ? 0 : 1 / (of * (of - 1)))),
        least(least_model<T>), least_at_zero(least_model<T>) {
    const int range = sizeof(T) == 4 ? 100 : 1000;
    if (of < 1)
      least = power_of_half((int)(range / (3 - of)));
    else if (of > 2)
      least = least_at_zero = power_of_half(range);
  }

  static T power_of_half(int exponent) {
    T power = 1;
    for (int k = 0; k < exponent; k++)
      power /= 2;
    return power;
  }
};

inline loss_kind kind_of_loss(double beta) {
  if (beta == 2)
    return loss_kind::squared;
  if (beta == 1)
    return loss_kind::kullback_leibler;
  if (beta == 0)
    return loss_kind::itakura_saito;
  if (beta == 0.5)
    return loss_kind::half;
  if (beta == 1.5)
    return loss_kind::three_halves;
  return beta == 3 ? loss_kind::cubed : loss_kind::any;
}

// use(kind) with the kind of this loss as a constant: a value of type kind_constant.
template<loss_kind K> struct kind_constant {
  static constexpr loss_kind value = K;
};

template<class Use> NONNEG_INLINE void with_kind(loss_kind kind, const Use& use) {
  switch (kind) {
  case loss_kind::squared:
    return use(kind_constant<loss_kind::squared>());
  case loss_kind::kullback_leibler:
    return use(kind_constant<loss_kind::kullback_leibler>());
  case loss_kind::itakura_saito:
    return use(kind_constant<loss_kind::itakura_saito>());
  case loss_kind::half:
    return use(kind_constant<loss_kind::half>());
  case loss_kind::three_halves:
    return use(kind_constant<loss_kind::three_halves>());
  case loss_kind::cubed:
    return use(kind_constant<loss_kind::cubed>());
  case loss_kind::any:
    return use(kind_constant<loss_kind::any>());
  }
}

// At one place of X: what is not used costs nothing, as everything is inlined.
template<class T, int L, loss_kind K> struct loss_at {
  using vector = typename vectors<T, L>::type;
  const loss_constants<T>& of;
  vector x, u, safe, inverse, slope;

  NONNEG_INLINE loss_at(const loss_constants<T>& constants, vector x, vector u) : of(constants), x(x), u(u) {
    const vector zero = {};
    safe = zero + of.least_at_zero;
    if constexpr (K == loss_kind::itakura_saito || K == loss_kind::half || K == loss_kind::any)
      safe = u > zero ? zero + of.least : safe;
    safe = u > safe ? u : safe;
    inverse = reciprocal<T, L>(safe);
    if constexpr (K == loss_kind::squared)
      slope = (vector){} + (T)1;
    else if constexpr (K == loss_kind::kullback_leibler)
      slope = inverse;
    else if constexpr (K == loss_kind::itakura_saito)
      slope = inverse * inverse;
    else if constexpr (K == loss_kind::half)
      slope = inverse / square_root<T, L>(safe);
    else if constexpr (K == loss_kind::three_halves)
      slope = (T)1 / square_root<T, L>(safe);
    else if constexpr (K == loss_kind::cubed)
      slope = safe;
    else
      slope = power<T, L>(safe, of.beta_less_2);
  }

  // x u^(beta - 2)
  NONNEG_INLINE vector pull() const { return K == loss_kind::squared ? x : x * slope; }

  // u^(beta - 1)
  NONNEG_INLINE vector push() const {
    if constexpr (K == loss_kind::squared)
      return u;
    else if constexpr (K == loss_kind::kullback_leibler)
      return (vector){} + (T)1;
    else
      return slope * safe;
  }

  // [beta - 1]+ u^(beta - 2) + [2 - beta]+ x u^(beta - 3)
  NONNEG_INLINE vector curvature() const {
    if constexpr (K == loss_kind::squared)
      return (vector){} + (T)1;
    else if constexpr (K == loss_kind::kullback_leibler)
      return x * inverse * inverse;
    else if constexpr (K == loss_kind::cubed)
      return of.convex_push * safe;
    else
      return of.convex_push * slope + of.convex_pull * (x * slope * inverse);
  }

  // `listed` = 0 leaves out the u of Kullback-Leibler, which is then known from elsewhere.
  NONNEG_INLINE vector divergence(T listed = 1) const {
    const vector zero = {};
    if constexpr (K == loss_kind::squared) {
      return (T)0.5 * ((x - u) * (x - u));
    } else if constexpr (K == loss_kind::kullback_leibler) {
      const vector weighed = x * logarithm<T, L>(x * inverse);
      return (x > zero ? weighed : zero) - x + listed * u;
    } else if constexpr (K == loss_kind::itakura_saito) {
      const vector ratio = x * inverse;
      return ratio - logarithm<T, L>(ratio) - (T)1;
    } else {
      vector constant; // x^beta
      if constexpr (K == loss_kind::half)
        constant = square_root<T, L>(x);
      else if constexpr (K == loss_kind::three_halves)
        constant = x * square_root<T, L>(x);
      else if constexpr (K == loss_kind::cubed)
        constant = x * x * x;
      else
        constant = x > zero ? power<T, L>(x, of.to_beta) : zero;
      const vector rise = slope * safe; // u^(beta - 1)
      // above beta = 0 u^beta is 0 where u is
      const vector risen = of.beta <= 0 ? safe : u > zero ? u : zero;
      return of.scale * (constant + rise * ((of.beta - (T)1) * risen - of.beta * x));
    }
  }
};

// Sums of many float32 lose digits that the stopping rule needs; sums of four hardly do, and are widened together.
template<class T, int L> struct wide_sum {
  using vector = typename vectors<T, L>::type;
  static constexpr int half = L > 1 ? L / 2 : 1;
  static constexpr int few = 4;
  using wide = typename vectors<double, half>::type;
  wide low = {}, high = {};
  vector near = {};
  int held = 0;

  NONNEG_INLINE void add(vector v) {
    near += v;
    if (++held == few)
      widen();
  }

  NONNEG_INLINE void widen() {
    using narrow = typename vectors<T, half>::type;
    low += __builtin_convertvector(*(const narrow*)&near, wide);
    if constexpr (L > 1)
      high += __builtin_convertvector(*((const narrow*)&near + 1), wide);
    near = (vector){};
    held = 0;
  }

  double total() {
    widen();
    double sum = 0;
    const wide both = low + high;
    for (int l = 0; l < half; l++)
      sum += both[l];
    return sum;
  }
};
