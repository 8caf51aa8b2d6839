struct hypergradient_momentum : step_part {
  static constexpr int arrays = 4, sums = 3;
  static constexpr int scalars = step_part::scalars + rate_part::scalars + momentum_part::scalars;
  static constexpr unsigned written = 0b1101;
  const rate_part rate;
  const momentum_part momentum;

  explicit hypergradient_momentum(const double* s)
      : step_part(s), rate(s + step_part::scalars), momentum(s + step_part::scalars + rate_part::scalars) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2], &rates = x[3];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    rates = rate.moved(rates, g, u);
    sums_of[2].add(rates);
    u = momentum.direction(u, g);
    p = moved(p, rate.of_step(rates) * u);
  }
};
