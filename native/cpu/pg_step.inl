template<class T, int L> struct pg_row {
  using vector = typename vectors<T, L>::type;
  T length;  // of the step: step / (L[i] + l2)
  bool bent; // L[i] + l2 is not 0: elsewhere the loss is linear
  T l1, l2;

  NONNEG_INLINE vector moved(vector was, vector n, vector p, wide_sum<T, L>& violation) const {
    const vector zero = {};
    const vector least = zero + smallest<T>;
    const vector gradient = p - n + (l1 + l2 * was);
    const vector descent = gradient < zero ? -gradient : zero;
    const vector magnitude = gradient < zero ? -gradient : gradient;
    violation.add(was > zero ? magnitude : descent);
    const vector stepped = was - length * gradient;
    const vector now = stepped < least ? zero : stepped;
    const vector fallen = gradient > zero ? zero : was;
    return bent ? now : fallen;
  }
};

template<class T>
double pg_step(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* P, int64_t ldp,
               const T* bounds, int64_t ldb, T step, T l1, T l2) {
  constexpr int L = lanes<T>;
  using vector = typename vectors<T, L>::type;
  wide_sum<T, L> violation;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    const T* const n = N + i * ldn;
    const T* const p = P + i * ldp;
    const T bend = bounds[i * ldb] + l2;
    const pg_row<T, L> row = {bend > 0 ? step / bend : 0, bend > 0, l1, l2};
    int64_t r = 0;
    for (; rank - r >= L; r += L) {
      const vector was = *(const vector*)(f + r);
      *(vector*)(f + r) = row.moved(was, *(const vector*)(n + r), *(const vector*)(p + r), violation);
    }
    const int64_t left = rank - r;
    if (left > 0) {
      const T unseen = -l1; // the others have no gradient
      const vector was = load_first<T, L>(left, f + r, 0);
      const vector now =
          row.moved(was, load_first<T, L>(left, n + r, 0), load_first<T, L>(left, p + r, unseen), violation);
      store_first<T, L>(left, now, f + r);
    }
  }
  return violation.total();
}
