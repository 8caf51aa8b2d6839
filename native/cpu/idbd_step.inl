struct idbd_step : step_part {
  static constexpr int arrays = 4, scalars = step_part::scalars + 4, sums = 3;
  static constexpr unsigned written = 0b1101;
  const f32 meta_rate, trace, lowest, highest;

  explicit idbd_step(const double* s)
      : step_part(s), meta_rate(splat(s[step_part::scalars])), trace(splat(s[step_part::scalars + 1])),
        lowest(splat(s[step_part::scalars + 2])), highest(splat(s[step_part::scalars + 3])) {}

  // exp(x) for |x| ≤ 2: the fourth power of the series for x / 4, which ends at its eighth power with 5e-9
  static NONNEG_INLINE f32 exponential(f32 x) {
    const f32 y = splat(0.25) * x;
    f32 series = splat(1) + splat(1.0 / 8) * y;
    NONNEG_UNROLL for (int power = 7; power > 0; power--) series = splat(1) + splat(1.0 / power) * y * series;
    const f32 square = series * series;
    return square * square;
  }

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2], &rates = x[3];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    const f32 most = splat(2);
    rates = clamp(rates * exponential(clamp(meta_rate * g * u, -most, most)), lowest, highest);
    sums_of[2].add(rates);
    const f32 change = rates * g;
    u = kept(trace * u + change);
    p = moved(p, change);
  }
};
