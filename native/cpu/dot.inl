// Products of two float32 are exact in float64, so only the additions round; four chains of sums hide their latency.
double dot(int64_t length, const float* a, const float* b) {
  constexpr int L = NONNEG_LANES / 2;
  using f32 = typename vectors<L>::f32;
  typedef double f64 __attribute__((vector_size(L * 8)));
  constexpr int chains = 4;
  f64 sum[chains] = {};
  int64_t i = 0;
  for (; length - i >= chains * L; i += chains * L) {
    NONNEG_UNROLL for (int u = 0; u < chains; u++) {
      const f64 x = __builtin_convertvector(*(const f32*)(a + i + u * L), f64);
      const f64 y = __builtin_convertvector(*(const f32*)(b + i + u * L), f64);
      sum[u] += x * y;
    }
  }
  const f64 all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  double total = 0;
  for (int l = 0; l < L; l++)
    total += all[l];
  for (; i < length; i++)
    total += (double)a[i] * (double)b[i];
  return total;
}
