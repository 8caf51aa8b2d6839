template<class T, int L> struct mu_ratio_step {
  using vector = typename vectors<T, L>::type;
  bool plain; // gamma is 1
  split_exponent<T> gamma;
  T l1, l2, most;

  mu_ratio_step(double gamma, const update_terms<T>& terms)
      : plain(gamma == 1), gamma(gamma), l1(terms.l1), l2(terms.l2), most(terms.most) {}

  NONNEG_INLINE vector operator()(vector was, vector n, vector p) const {
    const vector zero = {};
    const vector least = zero + smallest<T>;
    const vector denominator = p + (l1 + l2 * was);
    vector now;
    if (plain) {
      now = was * (n / denominator);
    } else {
      const vector ratio = n / denominator;
      now = was * (ratio > zero ? power<T, L>(ratio, gamma) : zero);
    }
    const vector highest = zero + most;
    const vector capped = now > highest ? highest : now;
    const vector floored = now < least ? least : capped;
    // that a result is positive its operands say, as it may itself round to zero
    const auto positive = (was > zero) & (n > zero) & (denominator > zero);
    return positive ? floored : zero;
  }
};

// P with ldp = 0 is one row for all.
template<class T>
void mu_ratio(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* P, int64_t ldp,
              double gamma, const update_terms<T>& terms) {
  constexpr int L = lanes<T>;
  using vector = typename vectors<T, L>::type;
  const mu_ratio_step<T, L> step(gamma, terms);
  const mu_ratio_step<T, 1> one(gamma, terms);
  const int64_t width = terms.moving < rank ? terms.moving : rank;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    const T* const n = N + i * ldn;
    const T* const p = P + i * ldp;
    int64_t r = 0;
    for (; width - r >= L; r += L)
      *(vector*)(f + r) = step(*(const vector*)(f + r), *(const vector*)(n + r), *(const vector*)(p + r));
    if constexpr (L > 8) {
      using half = typename vectors<T, 8>::type;
      const mu_ratio_step<T, 8> narrow(gamma, terms);
      for (; width - r >= 8; r += 8)
        *(half*)(f + r) = narrow(*(const half*)(f + r), *(const half*)(n + r), *(const half*)(p + r));
    }
    using single = typename vectors<T, 1>::type;
    for (; r < width; r++)
      *(single*)(f + r) = one(*(const single*)(f + r), *(const single*)(n + r), *(const single*)(p + r));
  }
}
