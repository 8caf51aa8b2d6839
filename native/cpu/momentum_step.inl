// momentum, dampening
struct momentum_part {
  static constexpr int scalars = 2;
  const f32 momentum, share;

  explicit momentum_part(const double* s) : momentum(splat(s[0])), share(splat(1 - s[1])) {}

  NONNEG_INLINE f32 direction(f32 before, f32 gradient) const { return kept(momentum * before + share * gradient); }
};

struct momentum_step : step_part {
  static constexpr int arrays = 3, scalars = step_part::scalars + 1 + momentum_part::scalars, sums = 3;
  static constexpr unsigned written = 0b101;
  const f32 rate;
  const momentum_part momentum;

  explicit momentum_step(const double* s)
      : step_part(s), rate(splat(s[step_part::scalars])), momentum(s + step_part::scalars + 1) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    u = momentum.direction(u, g);
    sums_of[2].add(u, u);
    p = moved(p, rate * u);
  }
};
