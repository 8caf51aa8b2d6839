template<class T, int L> struct entry_block {
  alignas(64) T x[L];
  T v[L], u[L], pull[L], push[L], bend[L];
};

struct entry_request {
  bool push, bend, measure, zeros;
};

template<class T, int L, loss_kind K>
__attribute__((noinline)) void entry_terms(const loss_constants<T>& loss, const entry_request& wanted,
                                           entry_block<T, L>& b, wide_sum<T, L>& total) {
  using vector = typename vectors<T, L>::type;
  const vector x = *(const vector*)b.x, v = *(const vector*)b.v, u = *(const vector*)b.u;
  const loss_at<T, L, K> at(loss, x, u);
  *(vector*)b.pull = v * at.pull();
  if (wanted.push)
    *(vector*)b.push = v * at.push();
  if (wanted.bend)
    *(vector*)b.bend = v * at.curvature();
  if (wanted.measure) {
    const vector zero = {};
    const vector d = v * at.divergence(wanted.zeros ? (T)0 : (T)1);
    total.add(v > zero ? d : zero);
  }
}

// The entry's row of O. Opaque, lest compilers compute all addresses of a block in vectors and take them out of there
// one by one, which costs more.
template<class T> NONNEG_INLINE const T* row_at(const entries_of_X<T>& a, int64_t entry) {
  int64_t index = a.indices[entry];
  NONNEG_OPAQUE(index);
  return a.O + index * a.ldo;
}

template<class T, int L, class Shape>
__attribute__((noinline)) void beta_rows(const Shape& shape, const entries_of_X<T>& a) {
  const loss_constants<T> loss(a.beta);
  const entry_request wanted = {a.P != nullptr, a.L != nullptr, a.loss != nullptr, a.zeros};
  void (*terms)(const loss_constants<T>&, const entry_request&, entry_block<T, L>&, wide_sum<T, L>&) = nullptr;
  with_kind(kind_of_loss(a.beta), [&](auto kind) { terms = entry_terms<T, L, decltype(kind)::value>; });
  using vector = typename vectors<T, L>::type;
  wide_sum<T, L> total;
  entry_block<T, L> b;
  const int64_t end_of_all = a.indptr[a.rows];
  for (int64_t i = 0; i < a.rows; i++) {
    const int64_t end = a.indptr[i + 1];
    const T* const f = a.F + i * a.ldf;
    for (int64_t p = a.indptr[i]; p < end; p += L) {
      const int64_t count = end - p < L ? end - p : L;
      const T* o[L];
      if (count == L) {
        NONNEG_UNROLL for (int e = 0; e < L; e++) o[e] = row_at(a, p + e);
        *(vector*)b.x = *(const vector*)(a.values + p);
        *(vector*)b.v = a.weights ? *(const vector*)(a.weights + p) : (vector){} + (T)1;
      } else {
        for (int e = 0; e < L; e++) {
          const int64_t at = e < count ? p + e : p;
          o[e] = row_at(a, at);
          b.x[e] = a.values[at];
          b.v[e] = e < count ? (a.weights ? a.weights[at] : (T)1) : (T)0;
        }
      }
      if (end_of_all - p >= L + entries_ahead) {
        NONNEG_UNROLL for (int e = 0; e < L; e++) {
          const T* const next = row_at(a, p + entries_ahead + e);
          __builtin_prefetch(next);
          __builtin_prefetch(next + 16);
        }
      }
      shape.models(f, o, b.u);
      terms(loss, wanted, b, total);
      shape.add(o, b.pull, a.N + i * a.ldn);
      if (wanted.push)
        shape.add(o, b.push, a.P + i * a.ldp);
      for (int e = 0; wanted.bend && e < count; e++)
        a.L[i] += b.bend[e] * a.norms[a.indices[p + e]];
    }
  }
  if (wanted.measure)
    *a.loss += total.total();
}

template<class T> void beta_xht_csr(const entries_of_X<T>& a) {
  with_shape<T>(a.rank, [&](const auto& shape) { beta_rows<T, shape.L>(shape, a); });
}
