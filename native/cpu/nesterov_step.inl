// momentum
struct nesterov_part {
  static constexpr int scalars = 1;
  const f32 momentum;

  explicit nesterov_part(const double* s) : momentum(splat(s[0])) {}

  NONNEG_INLINE f32 direction(f32& velocity, f32 gradient) const {
    velocity = kept(momentum * velocity + gradient);
    return gradient + momentum * velocity;
  }
};

struct nesterov_step : step_part {
  static constexpr int arrays = 4, scalars = step_part::scalars + 1 + nesterov_part::scalars, sums = 3;
  static constexpr unsigned written = 0b1101;
  const f32 rate;
  const nesterov_part nesterov;

  explicit nesterov_step(const double* s)
      : step_part(s), rate(splat(s[step_part::scalars])), nesterov(s + step_part::scalars + 1) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    f32 &p = x[0], &u = x[2], &v = x[3];
    const f32 g = gradient(p, x[1]);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    u = nesterov.direction(v, g);
    sums_of[2].add(u, u);
    p = moved(p, rate * u);
  }
};
