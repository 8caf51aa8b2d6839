struct adam_products : gradient_part {
  static constexpr int arrays = 4, scalars = gradient_part::scalars + 1, sums = 3;
  static constexpr unsigned written = 0;
  const f32 epsilon;

  explicit adam_products(const double* s) : gradient_part(s), epsilon(splat(s[gradient_part::scalars])) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    const f32 g = gradient(x[0], x[1]), u = x[2] / (square_root(x[3]) + epsilon);
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    sums_of[2].add(u, u);
  }
};
