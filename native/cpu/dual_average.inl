struct dual_average : gradient_part {
  static constexpr int arrays = 4, scalars = gradient_part::scalars + 2, sums = 3;
  static constexpr unsigned written = 0b1000;
  const f32 keep, weight;

  explicit dual_average(const double* s)
      : gradient_part(s), keep(splat(s[gradient_part::scalars])), weight(splat(s[gradient_part::scalars + 1])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    const f32 p = x[0], g = gradient(p, x[1]);
    f32& s = x[3];
    sums_of[0].add(g, x[2] - p);
    sums_of[1].add(g, g);
    s = kept(keep * s + weight * g);
    sums_of[2].add(s < f32{} ? -s : s);
  }
};
