// Moving lanes of vectors about, which the vector extensions write differently for every compiler.

template<int... I> struct lane_list {};
template<int N, int... I> struct count_lanes : count_lanes<N - 1, N - 1, I...> {};
template<int... I> struct count_lanes<0, I...> {
  using type = lane_list<I...>;
};

// Both operands' lanes: lane l of the result is lane From(l) of the 2 L lanes a, b.
template<class From, class T, int L, int... I>
NONNEG_INLINE typename vectors<T, L>::type pick_lanes(typename vectors<T, L>::type a, typename vectors<T, L>::type b,
                                                      lane_list<I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, From::of(I)...);
#else
  using word = typename words<T, L>::type;
  return __builtin_shuffle(a, b, (word){(typename float_format<T>::word)From::of(I)...});
#endif
}

// Sums of a in the lower half of every segment, of b in the upper one.
template<int L, int Segment> struct keep_lanes {
  static constexpr int of(int l) { return l % Segment < Segment / 2 ? l : L + l; }
};
template<int L, int Segment> struct cross_lanes {
  static constexpr int of(int l) { return l % Segment < Segment / 2 ? l + Segment / 2 : L + l - Segment / 2; }
};

// Lane l becomes the sum of all lanes of rows[l]: a tree that halves the vectors and doubles the sums in each.
template<class T, int L, int N>
NONNEG_INLINE typename vectors<T, L>::type sums_of(const typename vectors<T, L>::type* rows) {
  using vector = typename vectors<T, L>::type;
  if constexpr (N == 1) {
    return rows[0];
  } else {
    using all = typename count_lanes<L>::type;
    vector merged[N / 2];
    NONNEG_UNROLL for (int i = 0; i < N / 2; i++) {
      merged[i] = pick_lanes<keep_lanes<L, N>, T, L>(rows[i], rows[i + N / 2], all()) +
                  pick_lanes<cross_lanes<L, N>, T, L>(rows[i], rows[i + N / 2], all());
    }
    return sums_of<T, L, N / 2>(merged);
  }
}
