struct adam_step : step_part {
  static constexpr int arrays = 4, scalars = step_part::scalars + adam_part::scalars + 2, sums = 2;
  static constexpr unsigned written = 0b1101;
  const f32 rate, correction;
  const adam_part adam;

  explicit adam_step(const double* s)
      : step_part(s), rate(splat(s[step_part::scalars])), correction(splat(s[scalars - 1])),
        adam(s + step_part::scalars + 1) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &m = x[2], &squares = x[3];
    const f32 g = gradient(p, x[1]);
    adam.average(m, squares, g);
    const f32 u = adam.direction(m, squares);
    sums_of[0].add(g, g);
    sums_of[1].add(u, u);
    p = moved(p, rate * correction * u);
  }
};
