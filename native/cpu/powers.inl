// Logarithms, powers and square roots of whole vectors, good to a few units in the last place. The C library's would be
// calls, one element at a time, and with other bits on every system.

template<class T> struct float_format;

template<> struct float_format<float> {
  using word = uint32_t;
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float lowest_exponent = -126, highest_exponent = 127;
  static constexpr float round = 0x1.8p23f; // adding it leaves a whole number in the low bits
  static constexpr uint32_t round_bits = 0x4b400000, half_root_bits = 0x3f3504f3; // of `round`, of sqrt(1/2)
  static constexpr int exp_terms = 8; // what is left of the series below is less than half a unit
};

template<> struct float_format<double> {
  using word = uint64_t;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double lowest_exponent = -1022, highest_exponent = 1023;
  static constexpr double round = 0x1.8p52;
  static constexpr uint64_t round_bits = 0x4338000000000000, half_root_bits = 0x3fe6a09e667f3bcc;
  static constexpr int exp_terms = 14;
};

template<class T, int L> struct words {
  typedef typename float_format<T>::word type __attribute__((vector_size(L * sizeof(T))));
};

constexpr double ln2 = 0.693147180559945309417232;

// Coefficients of 2^x = sum of c[k] x^k, with c[k] = ln(2)^k / k!.
struct exp2_series {
  double c[float_format<double>::exp_terms] = {};
  constexpr exp2_series() {
    c[0] = 1;
    for (int k = 1; k < float_format<double>::exp_terms; k++)
      c[k] = c[k - 1] * ln2 / k;
  }
};
constexpr exp2_series exp2_terms;

// ln m for m in [sqrt(1/2), sqrt(2)). In float32 by the polynomial of Moshier's Cephes library, logf: ln m = f - f^2 /
// 2 + f^3 P(f) with f = m - 1, which divides by nothing.
template<int L> NONNEG_INLINE typename vectors<float, L>::type log_of_mantissa(typename vectors<float, L>::type m) {
  using vector = typename vectors<float, L>::type;
  constexpr float p[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f, 1.4249322787e-1f,
                         -1.6668057665e-1f, 2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  const vector f = m - 1.0f;
  vector sum = f * 0 + p[0];
  NONNEG_UNROLL for (int k = 1; k < 9; k++) sum = sum * f + p[k];
  const vector square = f * f;
  return f + square * (f * sum - 0.5f);
}

// In float64 by ln m = 2 artanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172: what is left is less than half a
// unit.
template<int L> NONNEG_INLINE typename vectors<double, L>::type log_of_mantissa(typename vectors<double, L>::type m) {
  using vector = typename vectors<double, L>::type;
  constexpr int terms = 11;
  const vector s = (m - 1.0) / (m + 1.0);
  const vector z = s * s;
  vector sum = z * 0 + 1.0 / (2 * terms - 1);
  NONNEG_UNROLL for (int k = terms - 2; k >= 0; k--) sum = sum * z + 1.0 / (2 * k + 1);
  return (s + s) * sum;
}

// x = 2^exponent * m with m in [sqrt(1/2), sqrt(2)), and the natural logarithm of m. For normal x > 0; for others it is
// some finite number, to be discarded.
template<class T, int L> struct split_logarithm {
  using vector = typename vectors<T, L>::type;
  using word = typename words<T, L>::type;
  using format = float_format<T>;
  vector exponent;
  vector of_mantissa;

  NONNEG_INLINE explicit split_logarithm(vector x) {
    // the bias keeps the shifted word positive: there is no arithmetic shift of 64-bit words below AVX-512
    constexpr typename format::word one = (typename format::word)1 << format::mantissa;
    constexpr typename format::word bias = format::bias;
    const word shifted = ((word)x - format::half_root_bits + bias * one) >> format::mantissa;
    exponent = (vector)(shifted + (format::round_bits - bias)) - format::round;
    const vector m = (vector)((word)x - ((shifted - bias) << format::mantissa));
    of_mantissa = log_of_mantissa<L>(m);
  }
};

// Natural logarithm of normal x > 0.
template<class T, int L> NONNEG_INLINE typename vectors<T, L>::type logarithm(typename vectors<T, L>::type x) {
  const split_logarithm<T, L> log(x);
  return log.exponent * (T)ln2 + log.of_mantissa;
}

// An exponent as two numbers, so that x^p is not off by what rounding p costs.
template<class T> struct split_exponent {
  T high, low;
  split_exponent() = default;
  explicit split_exponent(double p) : high((T)p), low((T)(p - (double)high)) {}
};

// x^p for normal x > 0; beyond the range of T the largest power of two, below it 0.
template<class T, int L>
NONNEG_INLINE typename vectors<T, L>::type power(typename vectors<T, L>::type x, const split_exponent<T>& p) {
  using vector = typename vectors<T, L>::type;
  using word = typename words<T, L>::type;
  using format = float_format<T>;
  const split_logarithm<T, L> log(x);
  const vector fraction = log.of_mantissa * (T)(1 / ln2);
  const vector y = p.high * (log.exponent + fraction);
  const vector shifted = y + format::round;
  const vector whole = shifted - format::round;
  // p * exponent less its whole part is exact with a fused multiply-add, where y has lost its last digits
  const vector rest = (p.high * log.exponent - whole) + (p.high * fraction + p.low * log.exponent);
  vector sum = rest * 0 + (T)exp2_terms.c[format::exp_terms - 1];
  NONNEG_UNROLL for (int k = format::exp_terms - 2; k >= 0; k--) sum = sum * rest + (T)exp2_terms.c[k];
  const vector scaled = (vector)((word)sum + ((word)shifted << format::mantissa));
  const vector zero = {};
  const vector highest = zero + (T)(sizeof(T) == 4 ? 0x1p127 : 0x1p1023);
  const vector within = y > format::highest_exponent ? highest : scaled;
  return y < format::lowest_exponent ? zero : within;
}

// Written lane by lane, for want of a vector operator; compilers make one instruction of it.
template<class T, int L> NONNEG_INLINE typename vectors<T, L>::type square_root(typename vectors<T, L>::type x) {
  typename vectors<T, L>::type root;
  NONNEG_UNROLL for (int l = 0; l < L; l++) {
    if constexpr (sizeof(T) == 4)
      root[l] = __builtin_sqrtf(x[l]);
    else
      root[l] = __builtin_sqrt(x[l]);
  }
  return root;
}

// 1 / x for x > 0, within 0.57 units in the last place where x and its reciprocal are normal numbers. AVX-512 divides
// sixteen floats in as many cycles; its estimate of 14 bits with one step of Newton's method takes a third of them.
template<class T, int L> NONNEG_INLINE typename vectors<T, L>::type reciprocal(typename vectors<T, L>::type x) {
#if defined(__AVX512VL__)
  if constexpr (sizeof(T) == 4 && L >= 4) {
    using vector = typename vectors<T, L>::type;
    vector estimate;
    __asm__("vrcp14ps %1, %0" : "=v"(estimate) : "v"(x));
    const vector error = (T)1 - x * estimate;
    const vector zero = {};
    return estimate > zero ? estimate + estimate * error : estimate; // infinity has an error that is no number
  }
#endif
  return (T)1 / x;
}
