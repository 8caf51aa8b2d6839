template<class T, int L> struct online_step {
  using vector = typename vectors<T, L>::type;
  bool plain; // gamma is 1
  split_exponent<T> gamma, lift;
  T keep, l1, l2, most;

  online_step(double gamma, T keep, const update_terms<T>& terms)
      : plain(gamma == 1), gamma(gamma), lift(1 / gamma), keep(keep), l1(terms.l1), l2(terms.l2), most(terms.most) {}

  NONNEG_INLINE void operator()(T* F, T* A, T* B, const T* N, const T* P) const {
    const vector zero = {};
    const vector least = zero + smallest<T>, highest = zero + most;
    const vector was = *(const vector*)F;
    vector lifted = was;
    if (!plain)
      lifted = was > zero ? power<T, L>(was, lift) : zero;
    const vector a = keep * *(const vector*)A + lifted * *(const vector*)N;
    const vector b = keep * *(const vector*)B + (*(const vector*)P + (l1 + l2 * was));
    vector now = a / b;
    if (!plain)
      now = now > zero ? power<T, L>(now, gamma) : zero;
    const vector capped = now > highest ? highest : now;
    const vector floored = now < least ? least : capped;
    // that a result is positive its operands say, as it may itself round to zero
    const auto positive = (a > zero) & (b > zero);
    *(vector*)A = a;
    *(vector*)B = b;
    *(vector*)F = positive ? floored : zero;
  }
};

// A and B have F's rows' distance. P with ldp = 0 is one row for all.
template<class T>
void online_update(int64_t rows, int64_t rank, T* F, T* A, T* B, int64_t ldf, const T* N, int64_t ldn, const T* P,
                   int64_t ldp, double gamma, T keep, const update_terms<T>& terms) {
  constexpr int L = lanes<T>;
  const online_step<T, L> step(gamma, keep, terms);
  const online_step<T, 1> one(gamma, keep, terms);
  const int64_t width = terms.moving < rank ? terms.moving : rank;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    T* const a = A + i * ldf;
    T* const b = B + i * ldf;
    const T* const n = N + i * ldn;
    const T* const p = P + i * ldp;
    int64_t r = 0;
    for (; width - r >= L; r += L)
      step(f + r, a + r, b + r, n + r, p + r);
    if constexpr (L > 8) {
      const online_step<T, 8> narrow(gamma, keep, terms);
      for (; width - r >= 8; r += 8)
        narrow(f + r, a + r, b + r, n + r, p + r);
    }
    for (; r < width; r++)
      one(f + r, a + r, b + r, n + r, p + r);
  }
}
