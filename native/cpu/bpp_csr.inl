template<class T> void bpp_csr(const weighed_rows<T>& a) {
  weighed_row<T> row(a);
  for (int64_t i = 0; i < a.rows; i++) {
    T* const f = a.F + i * a.ldf;
    row.begin(f);
    for (int64_t p = a.indptr[i]; p < a.indptr[i + 1]; p++)
      row.take(a.X[p], a.V[p], a.O + (int64_t)a.indices[p] * a.ldo);
    row.move(f);
  }
  row.end();
}
