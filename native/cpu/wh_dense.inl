// A tile of W·H is X·Ht with W in the place of X: both multiply by rows of the right operand.
template<class T>
void wh_dense(int64_t rows, int64_t columns, int64_t rank, const T* W, int64_t ldw, const T* H, int64_t ldh, T* U,
              int64_t ldu) {
  xht_dense<T>(rows, rank, columns, W, ldw, H, ldh, U, ldu);
}
