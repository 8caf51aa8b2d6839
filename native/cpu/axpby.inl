struct axpby {
  static constexpr int arrays = 3, scalars = 2, sums = 0;
  static constexpr unsigned written = 0b100;
  const f32 a, b;

  explicit axpby(const double* s) : a(splat(s[0])), b(splat(s[1])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum*) const { x[2] = a * x[0] + b * x[1]; }
};
