struct rprop_step : step_part {
  static constexpr int arrays = 4, scalars = step_part::scalars + 4, sums = 2;
  static constexpr unsigned written = 0b1101;
  const f32 up, down, lowest, highest;

  explicit rprop_step(const double* s)
      : step_part(s), up(splat(s[step_part::scalars])), down(splat(s[step_part::scalars + 1])),
        lowest(splat(s[step_part::scalars + 2])), highest(splat(s[step_part::scalars + 3])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2], &rates = x[3];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, g);
    const f32 agreement = g * u;
    const f32 shrinking = agreement < f32{} ? down : splat(1);
    rates = clamp((agreement > f32{} ? up : shrinking) * rates, lowest, highest);
    sums_of[1].add(rates);
    const f32 not_above = g < f32{} ? splat(-1) : g;
    u = g > f32{} ? splat(1) : not_above;
    p = moved(p, rates * u);
  }
};
