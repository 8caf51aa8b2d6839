// Rows of Ht whose address is known that many entries before their turn are fetched meanwhile: they lie anywhere.
constexpr int64_t gathers_ahead = 16;

// Part of one row of the result: NV vectors and, with Tail, a half one. Entries take turns between several sets of
// sums, which shortens the chain of dependent additions; the order of every sum depends on the row's entries alone.
template<class T, int L, int NV, bool Tail>
NONNEG_INLINE void gather_row(int64_t begin, int64_t end, const uint32_t* indices, const T* values, const T* Ht,
                              int64_t ldh, T* N) {
  using vector = typename vectors<T, L>::type;
  using half = typename vectors<T, L / 2>::type;
  constexpr int width = NV * L + (Tail ? L / 2 : 0);
  constexpr int sets = NV > 2 ? 2 : 4;
  constexpr int whole = NV > 0 ? NV : 1;
  vector sum[sets][whole] = {};
  half rest[sets] = {};
  const auto add = [&](int set, int64_t p) __attribute__((always_inline)) {
    const T* const h = Ht + (int64_t)indices[p] * ldh;
    NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[set][q] += values[p] * *(const vector*)(h + q * L);
    if constexpr (Tail)
      rest[set] += values[p] * *(const half*)(h + NV * L);
  };
  int64_t p = begin;
  for (; end - p >= gathers_ahead + sets; p += sets) {
    NONNEG_UNROLL for (int u = 0; u < sets; u++) {
      const T* const next = Ht + (int64_t)indices[p + gathers_ahead + u] * ldh;
      NONNEG_UNROLL for (int byte = 0; byte < width * (int)sizeof(T); byte += 64) {
        __builtin_prefetch((const char*)next + byte, 0, 3);
      }
      __builtin_prefetch(next + width - 1, 0, 3);
    }
    NONNEG_UNROLL for (int u = 0; u < sets; u++) add(u, p + u);
  }
  for (; end - p >= sets; p += sets) {
    NONNEG_UNROLL for (int u = 0; u < sets; u++) add(u, p + u);
  }
  for (; p < end; p++)
    add(0, p);
  NONNEG_UNROLL for (int u = sets / 2; u > 0; u /= 2) {
    NONNEG_UNROLL for (int set = 0; set < u; set++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[set][q] += sum[set + u][q];
      rest[set] += rest[set + u];
    }
  }
  NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(N + q * L) = sum[0][q];
  if constexpr (Tail)
    *(half*)(N + NV * L) = rest[0];
}

// Components c … of a row in one pass over its entries, as many as the registers take; returns how many those are.
template<class T>
NONNEG_INLINE int64_t gather_some(int64_t begin, int64_t end, const uint32_t* indices, const T* values, const T* Ht,
                                  int64_t ldh, T* N, int64_t left) {
  constexpr int L = lanes<T>;
  constexpr bool halves = L > 8; // ranks are multiples of 8
  const int64_t vectors_left = left / L;
  if (vectors_left >= 4) {
    gather_row<T, L, 4, false>(begin, end, indices, values, Ht, ldh, N);
    return 4 * L;
  }
  const bool tail = halves && left % L >= 8;
  switch (vectors_left * 2 + tail) {
  case 7:
    gather_row<T, L, 3, halves>(begin, end, indices, values, Ht, ldh, N);
    return 3 * L + L / 2;
  case 6:
    gather_row<T, L, 3, false>(begin, end, indices, values, Ht, ldh, N);
    return 3 * L;
  case 5:
    gather_row<T, L, 2, halves>(begin, end, indices, values, Ht, ldh, N);
    return 2 * L + L / 2;
  case 4:
    gather_row<T, L, 2, false>(begin, end, indices, values, Ht, ldh, N);
    return 2 * L;
  case 3:
    gather_row<T, L, 1, halves>(begin, end, indices, values, Ht, ldh, N);
    return L + L / 2;
  case 2:
    gather_row<T, L, 1, false>(begin, end, indices, values, Ht, ldh, N);
    return L;
  case 1:
    gather_row<T, L, 0, halves>(begin, end, indices, values, Ht, ldh, N);
    return L / 2;
  default:
    return 0;
  }
}

template<class T>
void xht_csr(int64_t rows, int64_t rank, const uint32_t* indptr, const uint32_t* indices, const T* values, const T* Ht,
             int64_t ldh, T* N, int64_t ldn) {
  for (int64_t i = 0; i < rows; i++) {
    const int64_t begin = indptr[i], end = indptr[i + 1];
    T* const n = N + i * ldn;
    int64_t c = 0;
    for (int64_t done = 1; done > 0; c += done)
      done = gather_some(begin, end, indices, values, Ht + c, ldh, n + c, rank - c);
    for (; c < rank; c++) {
      T sum = 0;
      for (int64_t p = begin; p < end; p++)
        sum += values[p] * Ht[(int64_t)indices[p] * ldh + c];
      n[c] = sum;
    }
  }
}
