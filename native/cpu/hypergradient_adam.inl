struct hypergradient_adam : step_part {
  static constexpr int arrays = 5, sums = 3;
  static constexpr int scalars = step_part::scalars + rate_part::scalars + adam_part::scalars + 2;
  static constexpr unsigned written = 0b11101;
  const rate_part rate;
  const adam_part adam;
  const f32 correction, correction_before;

  explicit hypergradient_adam(const double* s)
      : step_part(s), rate(s + step_part::scalars), adam(s + step_part::scalars + rate_part::scalars),
        correction(splat(s[scalars - 2])), correction_before(splat(s[scalars - 1])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &m = x[2], &squares = x[3], &rates = x[4];
    const f32 g = gradient(p, x[1]);
    const f32 before = correction_before * adam.direction(m, squares);
    sums_of[0].add(g, before);
    sums_of[1].add(g, g);
    rates = rate.moved(rates, g, before);
    sums_of[2].add(rates);
    adam.average(m, squares, g);
    p = moved(p, rate.of_step(rates) * correction * adam.direction(m, squares));
  }
};
