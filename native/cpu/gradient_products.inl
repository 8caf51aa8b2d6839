struct gradient_products : gradient_part {
  static constexpr int arrays = 3, sums = 3;
  static constexpr unsigned written = 0;

  explicit gradient_products(const double* s) : gradient_part(s) {}

  NONNEG_INLINE void step(f32 (&x)[arrays], sum* sums_of) const {
    const f32 g = gradient(x[0], x[1]), u = x[2];
    sums_of[0].add(g, u);
    sums_of[1].add(g, g);
    sums_of[2].add(u, u);
  }
};
