// What several vector kernels do, as ts/kernels/vector_kernel.ts has it. Comparisons are written so that what is not a
// number stays so.

NONNEG_INLINE f32 clamp(f32 x, f32 low, f32 high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

NONNEG_INLINE f32 kept(f32 average) {
  const f32 tiny = splat(0x1p-120);
  const f32 positive = average < f32{} ? -average : average;
  return positive < tiny ? f32{} : average;
}

NONNEG_INLINE f32 square_root(f32 x) {
  NONNEG_UNROLL for (int l = 0; l < L; l++) x[l] = __builtin_sqrtf(x[l]);
  return x;
}

// decay, clip
struct gradient_part {
  static constexpr int scalars = 2;
  const f32 decay, clip;

  explicit gradient_part(const double* s) : decay(splat(s[0])), clip(splat(s[1])) {}

  NONNEG_INLINE f32 gradient(f32 p, f32 g) const { return clamp(g, -clip, clip) + decay * p; }
};

// decay, clip, limit, floor
struct step_part : gradient_part {
  static constexpr int scalars = gradient_part::scalars + 2;
  const f32 limit, floor;

  explicit step_part(const double* s) : gradient_part(s), limit(splat(s[2])), floor(splat(s[3])) {}

  NONNEG_INLINE f32 moved(f32 p, f32 change) const {
    p = p - clamp(change, -limit, limit);
    return p < floor ? floor : p;
  }
};

// hyperRate, up, down, lowest, highest, share, base
struct rate_part {
  static constexpr int scalars = 7;
  const f32 hyper_rate, up, down, lowest, highest, share, base;

  explicit rate_part(const double* s)
      : hyper_rate(splat(s[0])), up(splat(s[1])), down(splat(s[2])), lowest(splat(s[3])), highest(splat(s[4])),
        share(splat(s[5])), base(splat(s[6])) {}

  NONNEG_INLINE f32 moved(f32 rate, f32 gradient, f32 before) const {
    const f32 agreement = gradient * before;
    const f32 shrinking = agreement < f32{} ? down : splat(1);
    const f32 factor = agreement > f32{} ? up : shrinking;
    return clamp(factor * rate + hyper_rate * gradient * before, lowest, highest);
  }

  NONNEG_INLINE f32 of_step(f32 rate) const { return share * rate + base; }
};

// beta1, beta2, epsilon
struct adam_part {
  static constexpr int scalars = 3;
  const f32 beta1, rest1, beta2, rest2, epsilon;

  explicit adam_part(const double* s)
      : beta1(splat(s[0])), rest1(splat(1 - s[0])), beta2(splat(s[1])), rest2(splat(1 - s[1])), epsilon(splat(s[2])) {}

  NONNEG_INLINE void average(f32& m, f32& squares, f32 gradient) const {
    m = kept(beta1 * m + rest1 * gradient);
    squares = kept(beta2 * squares + rest2 * gradient * gradient);
  }

  NONNEG_INLINE f32 direction(f32 m, f32 squares) const { return m / (square_root(squares) + epsilon); }
};
