struct sgd_step : step_part {
  static constexpr int arrays = 2, scalars = step_part::scalars + 1, sums = 1;
  static constexpr unsigned written = 0b01;
  const f32 rate;

  explicit sgd_step(const double* s) : step_part(s), rate(splat(s[step_part::scalars])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32& p = x[0];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, g);
    p = moved(p, rate * g);
  }
};
