// The loop under every vector kernel. An operation is a struct with its counts, the set of arrays that it writes (bit
// a: array a), a constructor from its scalars, and `step`, which does one vector of each array.
//
// What is written has been read in the same pass, so the stores find their lines in the cache: stores past the cache
// would gain nothing.

#if defined(__clang__)
#define NONNEG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NONNEG_UNROLL _Pragma("GCC unroll 32")
#endif
#define NONNEG_INLINE inline __attribute__((always_inline))

constexpr int L = NONNEG_VECTOR_BYTES / 4;

// aligned(4): any float address will do; may_alias: the memory holds plain floats
typedef float f32 __attribute__((vector_size(NONNEG_VECTOR_BYTES), aligned(4), may_alias));
typedef double f64 __attribute__((vector_size(NONNEG_VECTOR_BYTES)));

NONNEG_INLINE f32 splat(double value) {
  return f32{} + float(value);
}

// Half of a vector in float64, entry by entry: GCC makes one instruction of it, of __builtin_convertvector three.
template<int first> NONNEG_INLINE f64 widened(f32 x) {
  if constexpr (L == 16) {
    return f64{x[first],     x[first + 1], x[first + 2], x[first + 3],
               x[first + 4], x[first + 5], x[first + 6], x[first + 7]};
  } else if constexpr (L == 8) {
    return f64{x[first], x[first + 1], x[first + 2], x[first + 3]};
  } else {
    return f64{x[first], x[first + 1]};
  }
}

// A sum in float64: products of two floats are exact there, so only the additions round.
struct sum {
  f64 low = {}, high = {};

  NONNEG_INLINE void add(f32 a, f32 b) {
    low += widened<0>(a) * widened<0>(b);
    high += widened<L / 2>(a) * widened<L / 2>(b);
  }

  NONNEG_INLINE void add(f32 a) {
    low += widened<0>(a);
    high += widened<L / 2>(a);
  }

  // Of the first `count` lanes.
  NONNEG_INLINE double total(int64_t count) const {
    double result = 0;
    for (int l = 0; l < count; l++)
      result += l < L / 2 ? low[l] : high[l - L / 2];
    return result;
  }
};

template<class Op> NONNEG_INLINE void step_at(const Op& op, float* const (&at)[Op::arrays], int64_t i, sum* sums) {
  f32 x[Op::arrays];
  NONNEG_UNROLL for (int a = 0; a < Op::arrays; a++) x[a] = *(const f32*)(at[a] + i);
  op.step(x, sums);
  NONNEG_UNROLL for (int a = 0; a < Op::arrays; a++) {
    if ((Op::written >> a) & 1)
      *(f32*)(at[a] + i) = x[a];
  }
}

// The entries that fill no vector go through the same instructions, in a vector that zeros complete: so an entry's bits
// do not depend on where it lies.
template<class Op> void run(int64_t count, float* const* arrays, const double* scalars, double* results) {
  const Op op(scalars);
  float* at[Op::arrays];
  for (int a = 0; a < Op::arrays; a++)
    at[a] = arrays[a];
  sum sums[Op::sums + 1], sums_of_rest[Op::sums + 1];
  int64_t i = 0;
  for (; count - i >= L; i += L)
    step_at(op, at, i, sums);
  const int64_t left = count - i;
  if (left > 0) {
    float rest[Op::arrays][L] = {};
    float* at_rest[Op::arrays];
    for (int a = 0; a < Op::arrays; a++) {
      at_rest[a] = rest[a];
      for (int64_t l = 0; l < left; l++)
        rest[a][l] = at[a][i + l];
    }
    step_at(op, at_rest, 0, sums_of_rest);
    for (int a = 0; a < Op::arrays; a++) {
      for (int64_t l = 0; l < left && ((Op::written >> a) & 1); l++)
        at[a][i + l] = rest[a][l];
    }
  }
  for (int s = 0; s < Op::sums; s++)
    results[s] = sums[s].total(L) + sums_of_rest[s].total(left);
}

template<class Op> constexpr nonneg_vector_kernel entry(const char* name) {
  static_assert(Op::arrays <= most_vector_arrays && Op::sums <= most_vector_sums, "raise the limit in the header");
  return {name, Op::arrays, Op::scalars, Op::sums, run<Op>};
}
