// The rows of O that a row of X lists are copied transposed, so that each coordinate reads a line of them; where they
// do not fit the scratch, every coordinate gathers anew, into two lines by turns.
template<class T, int L, loss_kind K>
__attribute__((noinline)) void descend_csr(const descent_of_entries<T>& a, descent_totals& total) {
  const descent<T, L, K> way(a.beta, {a.terms, a.sums != nullptr, a.loss != nullptr});
  for (int64_t i = 0; i < a.rows; i++) {
    const int64_t begin = a.indptr[i], count = a.indptr[i + 1] - begin;
    const uint32_t* const indices = a.indices + begin;
    const descent_row<T> row = {count, a.values + begin, a.weights ? a.weights + begin : nullptr, a.scratch};
    T* const lines = a.scratch + count;
    T* const f = a.F + i * a.ldf;
    if ((a.rank + 1) * count <= a.scratch_length) {
      for (int64_t p = 0; p < count; p++) {
        const T* const o = a.O + (int64_t)indices[p] * a.ldo;
        for (int64_t r = 0; r < a.rank; r++)
          lines[r * count + p] = o[r];
      }
      way.sweep(
          row, a.rank, f, a.sums, [&](int64_t r) { return lines + r * count; }, total);
    } else {
      const auto gathered = [&](int64_t r) {
        T* const line = lines + r % 2 * count;
        for (int64_t p = 0; p < count; p++)
          line[p] = a.O[(int64_t)indices[p] * a.ldo + r];
        return line;
      };
      way.sweep(row, a.rank, f, a.sums, gathered, total);
    }
  }
}

template<class T> void cd_csr(const descent_of_entries<T>& a) {
  descent_totals total;
  with_kind(kind_of_loss(a.beta), [&](auto kind) { descend_csr<T, lanes<T>, decltype(kind)::value>(a, total); });
  if (a.loss)
    *a.loss += total.loss;
  *a.violation += total.violation;
}
