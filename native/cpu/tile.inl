// The register tile under every product: GCC's and Clang's vector extensions, one source for all instruction sets and
// both element types. Included once by each isa_*.cpp, inside an anonymous namespace and without a single std:: inline:
// a weak symbol compiled with AVX-512 might otherwise be the one that the linker keeps for all callers.

#if defined(__clang__)
#define NONNEG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define NONNEG_UNROLL _Pragma("GCC unroll 32")
#endif
#define NONNEG_INLINE inline __attribute__((always_inline))

// A function of its own, whose loop has all registers to itself.
#define NONNEG_APART __attribute__((noinline))

// Elements in a vector register.
template<class T> constexpr int lanes = NONNEG_VECTOR_BYTES / (int)sizeof(T);

template<class T, int L> struct vectors {
  // aligned: any address of an element will do; may_alias: the memory holds plain elements
  typedef T type __attribute__((vector_size(L * sizeof(T)), aligned(alignof(T)), may_alias));
};

// Factor entries at and above it have a product among the normal numbers; below lie the subnormals, which cost a
// hundred cycles each where no flag flushes them.
template<class T> constexpr T smallest = 0x1p-63f;
template<> constexpr double smallest<double> = 0x1p-511;

// Keeps the compiler from deriving one address register per row: sixteen of them do not exist, and the spilled ones
// cost more than the arithmetic.
#define NONNEG_OPAQUE(pointer) __asm__("" : "+r"(pointer))

// Keeps the compiler from loading a vector again for each multiplication with it.
#if defined(__aarch64__)
#define NONNEG_LOADED(vector) __asm__("" : "+w"(vector))
#elif defined(__x86_64__)
#define NONNEG_LOADED(vector) __asm__("" : "+v"(vector))
#else
#define NONNEG_LOADED(vector)
#endif

// sum[r][q] += sum over d of a[r * a_row + d * a_step] * b[d * b_row + q * L ...]
//
// Rows go in threes: one pointer reaches the rows p, p + a_row and p + 2 a_row by the addressing modes alone.
template<class T, int L, int MR, int NV>
NONNEG_INLINE void multiply(typename vectors<T, L>::type (&sum)[MR][NV], int64_t depth, const T* a, int64_t a_row,
                            int64_t a_step, const T* b, int64_t b_row) {
  using vector = typename vectors<T, L>::type;
  constexpr int groups = (MR + 2) / 3;
  const T* rows[groups];
  NONNEG_UNROLL for (int g = 0; g < groups; g++) rows[g] = a + 3 * g * a_row;
  for (int64_t d = 0; d < depth; d++) {
    vector right[NV];
    NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(b + q * L);
    b += b_row;
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      const T left = rows[r / 3][r % 3 * a_row];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
    }
    NONNEG_UNROLL for (int g = 0; g < groups; g++) {
      rows[g] += a_step;
      NONNEG_OPAQUE(rows[g]);
    }
  }
}

// `Steps` of it at once, for a_step = 1: the fewest instructions beside the multiplications.
template<class T, int L, int MR, int NV, int Steps>
NONNEG_INLINE void multiply_steps(typename vectors<T, L>::type (&sum)[MR][NV], const T* a, int64_t a_row, const T* b,
                                  int64_t b_row) {
  using vector = typename vectors<T, L>::type;
  constexpr int groups = (MR + 2) / 3;
  const T* rows[groups];
  NONNEG_UNROLL for (int g = 0; g < groups; g++) {
    rows[g] = a + 3 * g * a_row;
    NONNEG_OPAQUE(rows[g]);
  }
  NONNEG_UNROLL for (int d = 0; d < Steps; d++) {
    vector right[NV];
    NONNEG_UNROLL for (int q = 0; q < NV; q++) right[q] = *(const vector*)(b + d * b_row + q * L);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      const T left = rows[r / 3][r % 3 * a_row + d];
      NONNEG_UNROLL for (int q = 0; q < NV; q++) sum[r][q] += left * right[q];
    }
  }
}

template<class T> inline T multiply_one(int64_t depth, const T* a, int64_t a_step, const T* b, int64_t b_row) {
  T sum = 0;
  for (int64_t d = 0; d < depth; d++)
    sum += a[d * a_step] * b[d * b_row];
  return sum;
}

// Rows in tiles of MR, what is left in tiles of half as many, down to one.
template<int L, int MR, int NV, class Op>
NONNEG_INLINE void tile_rows(const Op& op, int64_t rows, int64_t r, int64_t c) {
  for (; rows - r >= MR; r += MR)
    op.template tile<L, MR, NV>(r, c);
  if constexpr (MR > 1)
    tile_rows<L, MR / 2, NV>(op, rows, r, c);
}

// Covers a rows x width result by the widest tiles that fit. A width that is a multiple of 8 never reaches the scalars.
template<class T, int WideRows, int NarrowRows, class Op>
void cover(const Op& op, int64_t rows, int64_t width, int64_t c = 0) {
  constexpr int L = lanes<T>;
  for (; width - c >= 2 * L; c += 2 * L)
    tile_rows<L, WideRows, 2>(op, rows, 0, c);
  for (; width - c >= L; c += L)
    tile_rows<L, NarrowRows, 1>(op, rows, 0, c);
  if constexpr (L > 8) {
    for (; width - c >= 8; c += 8)
      tile_rows<8, NarrowRows, 1>(op, rows, 0, c);
  }
  for (; c < width; c++) {
    for (int64_t r = 0; r < rows; r++)
      op.scalar(r, c);
  }
}
