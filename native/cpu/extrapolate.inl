template<class T> void extrapolate(int64_t length, T* F, T* P, T weight, T most) {
  constexpr int L = lanes<T>;
  using vector = typename vectors<T, L>::type;
  const vector zero = {};
  const vector least = zero + smallest<T>, highest = zero + most;
  const auto moved = [&](vector now, vector before) {
    const vector step = weight * (now - before);
    const vector on = now + step;
    const vector capped = on > highest ? highest : on;
    const vector bounded = on < least ? zero : capped;
    return step == zero ? now : bounded;
  };
  int64_t i = 0;
  for (; length - i >= L; i += L) {
    const vector now = *(const vector*)(F + i);
    *(vector*)(F + i) = moved(now, *(const vector*)(P + i));
    *(vector*)(P + i) = now;
  }
  const int64_t left = length - i;
  if (left > 0) {
    const vector now = load_first<T, L>(left, F + i, 0);
    store_first<T, L>(left, moved(now, load_first<T, L>(left, P + i, 0)), F + i);
    store_first<T, L>(left, now, P + i);
  }
}
