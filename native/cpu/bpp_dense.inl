template<class T> void bpp_dense(const weighed_rows<T>& a) {
  weighed_row<T> row(a);
  for (int64_t i = 0; i < a.rows; i++) {
    T* const f = a.F + i * a.ldf;
    row.begin(f);
    for (int64_t j = 0; j < a.columns; j++)
      row.take(a.X[i * a.ldx + j], a.V[i * a.ldv + j], a.O + j * a.ldo);
    row.move(f);
  }
  row.end();
}
