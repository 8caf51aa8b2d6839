template<class T, int L, loss_kind K> struct tile_terms {
  // Elements ahead of their use that X is asked for: some thousand cycles.
  static constexpr int64_t ahead = 1024;
  using vector = typename vectors<T, L>::type;
  const loss_constants<T> of;
  const tile_of_X<T>& a;

  NONNEG_INLINE void at(vector x, vector v, vector u, vector& q, vector& p, vector& c, wide_sum<T, L>& loss) const {
    const loss_at<T, L, K> here(of, x, u);
    q = v * here.pull();
    if (a.P)
      p = v * here.push();
    if (a.C)
      c = v * here.curvature();
    if (a.loss) {
      const vector zero = {};
      const vector d = v * here.divergence();
      loss.add(v > zero ? d : zero);
    }
  }

  __attribute__((noinline)) void rows() const {
    wide_sum<T, L> loss;
    const vector ones = (vector){} + (T)1;
    // nothing else tells the prefetcher of rows to come: they are far apart. A narrow tile has its successor below it.
    const int64_t rows_ahead = 1 + ahead / (a.columns > 0 ? a.columns : 1);
    for (int64_t i = 0; i < a.rows; i++) {
      const T* const x = a.X + i * a.ldx;
      const T* const v = a.V ? a.V + i * a.ldv : nullptr;
      T* const u = a.U + i * a.ldu;
      T* const p = a.P ? a.P + i * a.ldu : nullptr;
      T* const c = a.C ? a.C + i * a.ldu : nullptr;
      const T* const coming = x + rows_ahead * a.ldx;
      vector q = {}, push = {}, bend = {};
      int64_t j = 0;
      for (; a.columns - j >= L; j += L) {
        __builtin_prefetch(coming + j);
        at(*(const vector*)(x + j), v ? *(const vector*)(v + j) : ones, *(const vector*)(u + j), q, push, bend, loss);
        *(vector*)(u + j) = q;
        if (p)
          *(vector*)(p + j) = push;
        if (c)
          *(vector*)(c + j) = bend;
      }
      const int64_t left = a.columns - j;
      if (left > 0) {
        const vector weights = v ? load_first<T, L>(left, v + j, 0) : load_first<T, L>(left, (const T*)&ones, 0);
        at(load_first<T, L>(left, x + j, 1), weights, load_first<T, L>(left, u + j, 1), q, push, bend, loss);
        store_first<T, L>(left, q, u + j);
        if (p)
          store_first<T, L>(left, push, p + j);
        if (c)
          store_first<T, L>(left, bend, c + j);
      }
    }
    if (a.loss)
      *a.loss += loss.total();
  }
};

template<class T> void beta_terms(const tile_of_X<T>& a) {
  with_kind(kind_of_loss(a.beta), [&](auto kind) {
    tile_terms<T, lanes<T>, decltype(kind)::value>{loss_constants<T>(a.beta), a}.rows();
  });
}
