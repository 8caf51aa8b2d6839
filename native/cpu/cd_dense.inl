template<class T, int L, loss_kind K>
__attribute__((noinline)) void descend_dense(const descent_of_tile<T>& a, descent_totals& total) {
  const descent<T, L, K> way(a.beta, {a.terms, false, a.loss != nullptr});
  for (int64_t i = 0; i < a.rows; i++) {
    const descent_row<T> row = {a.columns, a.X + i * a.ldx, a.V ? a.V + i * a.ldv : nullptr, a.scratch};
    way.sweep(
        row, a.rank, a.F + i * a.ldf, nullptr, [&](int64_t r) { return a.O + r * a.ldo; }, total);
  }
}

template<class T> void cd_dense(const descent_of_tile<T>& a) {
  descent_totals total;
  with_kind(kind_of_loss(a.beta), [&](auto kind) { descend_dense<T, lanes<T>, decltype(kind)::value>(a, total); });
  if (a.loss)
    *a.loss += total.loss;
  *a.violation += total.violation;
}
