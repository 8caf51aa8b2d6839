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

// The sum of a vector's segments of four lanes.
template<class T, int L> NONNEG_INLINE typename vectors<T, 4>::type add_segments(typename vectors<T, L>::type v) {
  if constexpr (L == 4) {
    return v;
  } else {
    const auto* const halves = (const typename vectors<T, L / 2>::type*)&v;
    return add_segments<T, L / 2>(halves[0] + halves[1]);
  }
}

// Lanes of two vectors by turns: the first of each pair of neighbours, or the second.
template<int Odd> struct every_other_lane {
  static constexpr int of(int l) { return 2 * l + Odd; }
};

// Each G lanes in a row become their sum: `Count` vectors become fewer, whose first Count * L / G lanes are the sums in
// the order of the lanes.
template<class T, int L, int G, int Count> NONNEG_INLINE void add_neighbours(typename vectors<T, L>::type* v) {
  if constexpr (G > 1) {
    using all = typename count_lanes<L>::type;
    constexpr int left = (Count + 1) / 2;
    NONNEG_UNROLL for (int i = 0; i < left; i++) {
      const auto a = v[2 * i], b = v[2 * i + 1 < Count ? 2 * i + 1 : 2 * i];
      v[i] = pick_lanes<every_other_lane<0>, T, L>(a, b, all()) + pick_lanes<every_other_lane<1>, T, L>(a, b, all());
    }
    add_neighbours<T, L, G / 2, left>(v);
  }
}

// The G elements from x on, over and over, by a load that repeats what it loads. GCC 12 makes shuffles, some by way of
// memory, of what says the same in vector extensions.
template<class T, int L, int G, int... I>
NONNEG_INLINE typename vectors<T, L>::type repeat_lanes(const T* x, lane_list<I...>) {
  using vector = typename vectors<T, L>::type;
  if constexpr (G == L) {
    return *(const vector*)x;
  } else if constexpr (G * sizeof(T) == 8) {
    typedef int64_t word __attribute__((aligned(alignof(T)), may_alias));
    typedef int64_t words __attribute__((vector_size(L * sizeof(T))));
    return (vector)(words{} + *(const word*)x);
  } else {
#if defined(__clang__)
    const auto some = *(const typename vectors<T, G>::type*)x;
    return __builtin_shufflevector(some, some, (I % G)...);
#elif defined(__AVX512F__)
    if constexpr (G * sizeof(T) == 32)
      return (vector)__builtin_ia32_broadcastf64x4_512(*(const vectors<double, 4>::type*)x, vectors<double, 8>::type{},
                                                       -1);
    else
      return (vector)__builtin_ia32_broadcastf32x4_512(*(const vectors<float, 4>::type*)x, vectors<float, 16>::type{},
                                                       -1);
#elif defined(__AVX2__)
    return (vector)__builtin_ia32_vbroadcastf128_ps256((const vectors<float, 4>::type*)x);
#endif
  }
}
