// Products of two float32 are exact in float64, so only the additions round; four chains of sums hide their latency.
template<class T> double dot(int64_t length, const T* a, const T* b) {
  constexpr int L = lanes<double>;
  using vector = typename vectors<T, L>::type;
  using wide = typename vectors<double, L>::type;
  constexpr int chains = 4;
  wide sum[chains] = {};
  int64_t i = 0;
  for (; length - i >= chains * L; i += chains * L) {
    NONNEG_UNROLL for (int u = 0; u < chains; u++) {
      const wide x = __builtin_convertvector(*(const vector*)(a + i + u * L), wide);
      const wide y = __builtin_convertvector(*(const vector*)(b + i + u * L), wide);
      sum[u] += x * y;
    }
  }
  const wide all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  double total = 0;
  for (int l = 0; l < L; l++)
    total += all[l];
  for (; i < length; i++)
    total += (double)a[i] * (double)b[i];
  return total;
}
