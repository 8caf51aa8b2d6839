// The normal equations of a row that has weights of its own, formed in float64 from some of its entries at a time: what
// bpp_dense and bpp_csr share.

// G += scaled' plain for `depth` gathered rows of both.
struct weighed_gram {
  int64_t depth;
  const double* scaled;
  const double* plain;
  int64_t ld;
  double* G;

  template<int L, int MR, int NV> NONNEG_INLINE void tile(int64_t r0, int64_t c) const {
    using vector = typename vectors<double, L>::type;
    vector sum[MR][NV] = {};
    multiply<double, L, MR, NV>(sum, depth, scaled + r0, 1, ld, plain + c, ld);
    NONNEG_UNROLL for (int r = 0; r < MR; r++) {
      NONNEG_UNROLL for (int q = 0; q < NV; q++) * (vector*)(G + (r0 + r) * ld + c + q * L) += sum[r][q];
    }
  }

  void scalar(int64_t r, int64_t c) const { G[r * ld + c] += multiply_one(depth, scaled + r, ld, plain + c, ld); }

  // What lies on and above the diagonal, as half_gram has it.
  void add(int64_t width) const {
    constexpr int L = lanes<double>;
    int64_t c = 0;
    for (; width - c >= 2 * L; c += 2 * L)
      tile_rows<L, NONNEG_GRAM_ROWS, 2>(*this, c + 2 * L, 0, c);
    cover<double, NONNEG_GRAM_ROWS, 8>(*this, width, width, c);
  }
};

template<class T> class weighed_row {
  static constexpr int L = lanes<double>;
  using vector = typename vectors<double, L>::type;
  using narrow = typename vectors<T, L>::type;

  const weighed_rows<T>& of;
  const int64_t moving, width, stride;
  pivoting row;
  double* const plain;
  double* const scaled;
  double* const pulled; // v x o, summed
  int64_t gathered = 0;
  double error = 0;

  NONNEG_INLINE vector load(const T* o, int64_t r) const {
    if (of.readable - r >= L)
      return __builtin_convertvector(*(const narrow*)(o + r), vector);
    const narrow first = load_first<T, L>(of.rank - r, o + r, 0);
    return __builtin_convertvector(first, vector);
  }

  void add_gathered() {
    weighed_gram{gathered, scaled, plain, stride, row.B}.add(width);
    gathered = 0;
  }

 public:
  weighed_row(const weighed_rows<T>& of)
      : of(of), moving(of.terms.moving < of.rank ? of.terms.moving : of.rank), width(bpp_width(of.rank)),
        stride(bpp_stride(of.rank)), row(moving, of.rank, of.scratch), plain(of.scratch + bpp_scratch(of.rank)),
        scaled(plain + weighed_block * stride), pulled(scaled + weighed_block * stride) {
    for (int64_t i = 0; i < (2 * weighed_block + 1) * stride; i++)
      plain[i] = 0;
  }

  void begin(const T* f) {
    for (int64_t i = 0; i < width * stride; i++)
      row.B[i] = 0;
    for (int64_t r = 0; r < of.rank; r++) {
      row.start[r] = f[r];
      pulled[r] = 0;
    }
  }

  // An entry x of weight v, and its row of O.
  void take(double x, double v, const T* o) {
    if (v == 0)
      return;
    double* const from = plain + gathered * stride;
    double* const weighed = scaled + gathered * stride;
    vector model = {};
    for (int64_t r = 0; r < width; r += L) {
      const vector value = load(o, r);
      *(vector*)(from + r) = value;
      *(vector*)(weighed + r) = v * value;
      *(vector*)(pulled + r) += v * x * value;
      model += value * *(const vector*)(row.start + r);
    }
    if (of.loss) {
      const double apart = x - sum_of_lanes<double, L>(model);
      error += 0.5 * v * apart * apart;
    }
    if (++gathered == weighed_block)
      add_gathered();
  }

  void move(T* f) {
    add_gathered();
    for (int64_t r = 0; r < moving; r++) {
      double* const bend = row.B + r * stride;
      row.wanted[r] = pulled[r] - of.terms.l1;
      for (int64_t s = moving; s < of.rank; s++)
        row.wanted[r] -= row.start[s] * bend[s];
      bend[r] += of.terms.l2;
      for (int64_t s = 0; s < r; s++)
        bend[s] = row.B[s * stride + r];
    }
    row.forget();
    *of.violation += row.move(f, of.terms.most);
  }

  void end() const {
    if (of.loss)
      *of.loss += error;
  }
};
