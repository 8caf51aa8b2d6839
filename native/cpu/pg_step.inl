template<class T, int L> struct pg_row {
  using vector = typename vectors<T, L>::type;
  T length;  // of the step: step / (L[i] + l2)
  bool bent; // L[i] + l2 is not 0: elsewhere the loss is linear
  update_terms<T> terms;

  NONNEG_INLINE vector moved(vector was, vector n, vector p, wide_sum<T, L>& violation) const {
    const vector zero = {};
    const vector least = zero + smallest<T>, most = zero + terms.most;
    const vector gradient = p - n + (terms.l1 + terms.l2 * was);
    const vector magnitude = gradient < zero ? -gradient : gradient;
    // to the bound that the descent leads to
    const vector room = gradient < zero ? most - was : was;
    violation.add(room > zero ? magnitude : zero);
    const vector stepped = was - length * gradient;
    const vector capped = stepped > most ? most : stepped;
    const vector now = stepped < least ? zero : capped;
    const vector fallen = gradient > zero ? zero : was;
    return bent ? now : fallen;
  }
};

template<class T>
double pg_step(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* P, int64_t ldp,
               const T* bounds, int64_t ldb, T step, const update_terms<T>& terms) {
  constexpr int L = lanes<T>;
  using vector = typename vectors<T, L>::type;
  const int64_t width = terms.moving < rank ? terms.moving : rank;
  wide_sum<T, L> violation;
  for (int64_t i = 0; i < rows; i++) {
    T* const f = F + i * ldf;
    const T* const n = N + i * ldn;
    const T* const p = P + i * ldp;
    const T bend = bounds[i * ldb] + terms.l2;
    const pg_row<T, L> row = {bend > 0 ? step / bend : 0, bend > 0, terms};
    int64_t r = 0;
    for (; width - r >= L; r += L) {
      const vector was = *(const vector*)(f + r);
      *(vector*)(f + r) = row.moved(was, *(const vector*)(n + r), *(const vector*)(p + r), violation);
    }
    const int64_t left = width - r;
    if (left > 0) {
      const T unseen = -terms.l1; // the others have no gradient
      const vector was = load_first<T, L>(left, f + r, 0);
      const vector now =
          row.moved(was, load_first<T, L>(left, n + r, 0), load_first<T, L>(left, p + r, unseen), violation);
      store_first<T, L>(left, now, f + r);
    }
  }
  return violation.total();
}
