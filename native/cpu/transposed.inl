// Rows moved into the lanes and back, four by four.
template<class T> NONNEG_INLINE void transpose_4(const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  using vector = typename vectors<T, 4>::type;
  vector row[4];
  NONNEG_UNROLL for (int i = 0; i < 4; i++) row[i] = *(const vector*)(from + i * ld_from);
  const vector a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
  const vector b = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
  const vector c = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
  const vector d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
  *(vector*)to = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  *(vector*)(to + ld_to) = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  *(vector*)(to + 2 * ld_to) = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  *(vector*)(to + 3 * ld_to) = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

// Two rows whose elements take turns, in whole vectors of 16 bytes.
template<class T> void interleave(int64_t columns, const T* even, const T* odd, T* to) {
  constexpr int L = 16 / (int)sizeof(T);
  using vector = typename vectors<T, L>::type;
  for (int64_t c = 0; c < columns; c += L) {
    const vector a = *(const vector*)(even + c), b = *(const vector*)(odd + c);
    auto* const out = (vector*)(to + 2 * c);
    if constexpr (L == 2) {
      out[0] = __builtin_shufflevector(a, b, 0, 2);
      out[1] = __builtin_shufflevector(a, b, 1, 3);
    } else {
      out[0] = __builtin_shufflevector(a, b, 0, 4, 1, 5);
      out[1] = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    }
  }
}

// to[c][r] = from[r][c] for rows x columns of `from`.
template<class T> void transpose(int64_t rows, int64_t columns, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  int64_t r = 0;
  for (; rows - r >= 4; r += 4) {
    int64_t c = 0;
    for (; columns - c >= 4; c += 4)
      transpose_4(from + r * ld_from + c, ld_from, to + c * ld_to + r, ld_to);
    for (; c < columns; c++) {
      for (int i = 0; i < 4; i++)
        to[c * ld_to + r + i] = from[(r + i) * ld_from + c];
    }
  }
  for (; r < rows; r++) {
    for (int64_t c = 0; c < columns; c++)
      to[c * ld_to + r] = from[r * ld_from + c];
  }
}
