// The ends of rows that fill no whole vector: the same vector code runs on a copy, so that there is no second version
// of a formula for them.

template<class T, int L> NONNEG_INLINE typename vectors<T, L>::type load_first(int64_t count, const T* from, T others) {
  typename vectors<T, L>::type v;
  for (int l = 0; l < L; l++)
    v[l] = l < count ? from[l] : others;
  return v;
}

template<class T, int L> NONNEG_INLINE void store_first(int64_t count, typename vectors<T, L>::type v, T* to) {
  for (int l = 0; l < count; l++)
    to[l] = v[l];
}
