// A matrix-vector product for each power iteration, in float64: for a symmetric G its rows are its columns, along which
// the vectors run.
template<class T> double gram_bound(int64_t rank, const T* G, int64_t ldg, double* scratch) {
  constexpr int L = lanes<double>;
  using vector = typename vectors<T, L>::type;
  using wide = typename vectors<double, L>::type;
  constexpr int iterations = 30; // BOUND_ITERATIONS in ts/kernels/gram_bound.ts
  constexpr int chains = 4;      // of sums, to hide their latency
  double* const v = scratch;
  double* const product = scratch + rank;
  for (int64_t r = 0; r < rank; r++)
    v[r] = 1;
  for (int iteration = 0;; iteration++) {
    wide highest = {};
    int64_t r = 0;
    for (; rank - r >= chains * L; r += chains * L) {
      wide sum[chains] = {};
      for (int64_t s = 0; s < rank; s++) {
        const T* const g = G + s * ldg + r;
        NONNEG_UNROLL for (int u = 0; u < chains; u++) sum[u] +=
            v[s] * __builtin_convertvector(*(const vector*)(g + u * L), wide);
      }
      NONNEG_UNROLL for (int u = 0; u < chains; u++) {
        *(wide*)(product + r + u * L) = sum[u];
        highest = sum[u] > highest ? sum[u] : highest;
      }
    }
    for (; rank - r >= L; r += L) {
      wide sum = {};
      for (int64_t s = 0; s < rank; s++)
        sum += v[s] * __builtin_convertvector(*(const vector*)(G + s * ldg + r), wide);
      *(wide*)(product + r) = sum;
      highest = sum > highest ? sum : highest;
    }
    double largest = 0;
    for (; r < rank; r++) {
      double sum = 0;
      for (int64_t s = 0; s < rank; s++)
        sum += v[s] * (double)G[s * ldg + r];
      product[r] = sum;
      largest = sum > largest ? sum : largest;
    }
    for (int l = 0; l < L; l++)
      largest = highest[l] > largest ? highest[l] : largest;
    if (largest == 0)
      return 0;
    if (iteration == iterations)
      break;
    constexpr double least = 0x1p-40;
    for (r = 0; r < rank; r++) {
      const double share = product[r] / largest;
      v[r] = share > least ? share : least;
    }
  }
  double bound = 0;
  for (int64_t r = 0; r < rank; r++) {
    const double quotient = product[r] / v[r];
    bound = quotient > bound ? quotient : bound;
  }
  return bound;
}
