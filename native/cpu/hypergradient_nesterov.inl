struct hypergradient_nesterov : step_part {
  static constexpr int arrays = 5, sums = 3;
  static constexpr int scalars = step_part::scalars + rate_part::scalars + nesterov_part::scalars;
  static constexpr unsigned written = 0b11101;
  const rate_part rate;
  const nesterov_part nesterov;

  explicit hypergradient_nesterov(const double* s)
      : step_part(s), rate(s + step_part::scalars), nesterov(s + step_part::scalars + rate_part::scalars) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2], &v = x[3], &rates = x[4];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    rates = rate.moved(rates, g, u);
    sums_of[2].add(rates);
    u = nesterov.direction(v, g);
    p = moved(p, rate.of_step(rates) * u);
  }
};
