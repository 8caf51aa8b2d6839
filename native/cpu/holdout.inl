// Any vector of 32-bit words, or one word.
template<class Words> NONNEG_INLINE Words mixed(Words x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

template<class T>
void holdout(int64_t rows, int64_t columns, uint32_t row, uint32_t column, uint32_t seed, uint32_t threshold,
             bool complement, T* V, int64_t ldv) {
  constexpr int L = lanes<T>;
  using vector = typename vectors<T, L>::type;
  using hashes = typename vectors<uint32_t, L>::type;
  using masks = typename vectors<int32_t, L>::type;
  const uint32_t key = mixed(seed);
  const int32_t held = complement ? 1 : 0;
  hashes lane;
  for (int l = 0; l < L; l++)
    lane[l] = (uint32_t)l;
  for (int64_t i = 0; i < rows; i++) {
    const uint32_t row_key = mixed(key + row + (uint32_t)i) + column;
    T* const v = V + i * ldv;
    for (int64_t j = 0; j < columns; j += L) {
      const masks below = (masks)(mixed(lane + (row_key + (uint32_t)j)) < threshold);
      // a true comparison is -1: held there, 1 - held elsewhere
      const masks weight = (1 - held) + below * (1 - 2 * held);
      const vector out = __builtin_convertvector(weight, vector);
      if (columns - j >= L)
        *(vector*)(v + j) = out;
      else
        store_first<T, L>(columns - j, out, v + j);
    }
  }
}
