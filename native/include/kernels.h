// The kernels of one instruction set as tables of plain functions, one table per element type. All matrices are
// row-major; `ld*` is the distance between rows in elements. Any size from 0, any rank from 1 and any element alignment
// is allowed; ranks that are multiples of 8 never leave the vector code. Nothing allocates, nothing is thread-local:
// what a kernel needs beyond its operands is a scratch argument. Formulas and sources: ts/kernels/<name>.ts.
#pragma once

#include <stdint.h>

namespace nonneg {

// Rows of the panels that the kernels work in: a multiple of the row counts of most register tiles (12, 14 and 6), and
// small enough for a panel of a thousand columns to stay in a level-2 cache.
constexpr int64_t panel_rows = 84;

// The factors of a fit are padded to ranks that are a multiple of this, with components of zeros.
constexpr int64_t rank_multiple = 8;

// Elements of scratch for one call.
constexpr int64_t mu_scratch(int64_t rank) {
  return panel_rows * rank;
}

// What a rule adds to a factor's gradient, how many of the first components it moves, and what no entry goes above. Of
// the padding, which is zero and stays so, `moving` may count as much as fills a vector.
template<class T> struct update_terms {
  T l1 = 0, l2 = 0;
  int64_t moving = 0;
  T most = __builtin_inf();
};

// One tile of X beside its model U, which becomes Q. P, C and `loss` are made where they are not null; V null: no
// weights.
template<class T> struct tile_of_X {
  int64_t rows = 0, columns = 0;
  const T* X = nullptr;
  int64_t ldx = 0;
  const T* V = nullptr;
  int64_t ldv = 0;
  T* U = nullptr; // P and C have its rows' distance
  int64_t ldu = 0;
  T* P = nullptr;
  T* C = nullptr;
  double* loss = nullptr; // grows
  double beta = 2;
};

// CSR rows of X beside their factor F and the other factor O. What is added to N is also added to P, L and `loss`, each
// in its own way, where they are not null; weights null: none. `norms` are the squared norms of O's rows, for L.
template<class T> struct entries_of_X {
  int64_t rows = 0, rank = 0;
  const uint32_t* indptr = nullptr;
  const uint32_t* indices = nullptr;
  const T* values = nullptr;
  const T* weights = nullptr;
  const T* F = nullptr;
  int64_t ldf = 0;
  const T* O = nullptr;
  int64_t ldo = 0;
  const T* norms = nullptr;
  T* N = nullptr;
  int64_t ldn = 0;
  T* P = nullptr;
  int64_t ldp = 0;
  T* L = nullptr;
  double* loss = nullptr;
  double beta = 2;
  bool zeros = false; // the unlisted entries count too: `loss` leaves out the listed u of Kullback-Leibler
};

// Rows of X and of a factor F that descends along them, with O the other factor. `loss` may be null, `violation` not.
template<class T> struct descent_of_tile {
  int64_t rows = 0, columns = 0, rank = 0;
  const T* X = nullptr;
  int64_t ldx = 0;
  const T* V = nullptr; // null: no weights
  int64_t ldv = 0;
  const T* O = nullptr; // rank x columns
  int64_t ldo = 0;
  T* F = nullptr;
  int64_t ldf = 0;
  double* loss = nullptr;
  double* violation = nullptr;
  double beta = 2;
  update_terms<T> terms;
  T* scratch = nullptr; // columns
};

template<class T> struct descent_of_entries {
  int64_t rows = 0, rank = 0;
  const uint32_t* indptr = nullptr;
  const uint32_t* indices = nullptr;
  const T* values = nullptr;
  const T* weights = nullptr; // null: none
  const T* O = nullptr;       // columns x rank
  int64_t ldo = 0;
  const T* sums = nullptr; // of O's columns where unlisted entries count as zeros, else null
  T* F = nullptr;
  int64_t ldf = 0;
  double* loss = nullptr;
  double* violation = nullptr;
  double beta = 2;
  update_terms<T> terms;
  T* scratch = nullptr; // cd_scratch elements for the longest of the rows, or more
  int64_t scratch_length = 0;
};

// What cd_csr needs for a row of so many entries; with (rank + 1) * entries it gathers once only.
constexpr int64_t cd_scratch(int64_t entries) {
  return 3 * entries;
}

// Bytes of scratch for each component of one call of hals_update: two times three vectors of the widest registers.
constexpr int64_t hals_row_bytes = 2 * 3 * 64;

template<class T> constexpr int64_t hals_scratch(int64_t rank) {
  return hals_row_bytes / int64_t(sizeof(T)) * rank;
}

// Doubles of scratch for one call of bpp_update: two matrices and thirteen rows, which the widest vectors may overrun.
constexpr int64_t bpp_width(int64_t rank) {
  return (rank + 7) / 8 * 8;
}

constexpr int64_t bpp_stride(int64_t rank) {
  return bpp_width(rank) + 8;
}

constexpr int64_t bpp_scratch(int64_t rank) {
  return (2 * bpp_width(rank) + 13) * bpp_stride(rank);
}

// Rows of X, dense or CSR, that each entry has a weight in, and of a factor F that goes to its least squares minimum
// for them, with O the other factor.
template<class T> struct weighed_rows {
  int64_t rows = 0, columns = 0, rank = 0;
  const uint32_t* indptr = nullptr; // of CSR rows
  const uint32_t* indices = nullptr;
  const T* X = nullptr; // of CSR rows the listed entries, like their weights
  int64_t ldx = 0;
  const T* V = nullptr;
  int64_t ldv = 0;
  const T* O = nullptr; // columns x rank
  int64_t ldo = 0;
  int64_t readable = 0; // of each row of O: the rank, or more where zeros follow
  T* F = nullptr;
  int64_t ldf = 0;
  double* loss = nullptr; // may be null
  double* violation = nullptr;
  update_terms<T> terms;
  double* scratch = nullptr; // weighed_scratch elements
};

// Rows of O that are gathered at once.
constexpr int64_t weighed_block = 64;

// Doubles of scratch for one call of bpp_dense or bpp_csr: also for two such blocks, and a row.
constexpr int64_t weighed_scratch(int64_t rank) {
  return bpp_scratch(rank) + (2 * weighed_block + 1) * bpp_stride(rank);
}

// A panel of rows of F that a stochastic gradient moves. D, the gradient of the step before, may be null.
template<class T> struct gradient_step {
  int64_t rows = 0, rank = 0;
  T* F = nullptr; // N and D have its rows' distance
  const T* N = nullptr;
  T* D = nullptr;
  int64_t ld = 0;
  const T* G = nullptr;
  int64_t ldg = 0;
  double rate = 0, scale = 1, noise = 0;
  uint32_t seed = 0, draw = 0, first = 0; // of the noise, which goes by the number of a row modulo 2^32
  double limit = __builtin_inf();
  update_terms<T> terms;
  double* sums = nullptr; // two, which grow
  T* scratch = nullptr;   // sgd_scratch elements
};

constexpr int64_t sgd_scratch(int64_t rank) {
  return panel_rows * rank;
}

// A panel of rows of F = Ht that moves by a batch of `count` of `total` rows, beside F0 and what the snapshot that it
// is of has kept.
template<class T> struct reduced_update {
  int64_t rows = 0, rank = 0;
  T* F = nullptr; // the other panels have its rows' distance
  const T* N = nullptr;
  const T* M = nullptr;
  const T* F0 = nullptr;
  const T* A = nullptr;
  int64_t ld = 0;
  const T* G = nullptr; // K and S have its rows' distance
  const T* K = nullptr;
  const T* S = nullptr;
  int64_t ldg = 0;
  double count = 1, total = 1, ratio = 1;
  update_terms<T> terms;
  T* scratch = nullptr; // svrmu_scratch elements
};

constexpr int64_t svrmu_scratch(int64_t rank) {
  return 3 * panel_rows * rank;
}

// Doubles of scratch for one call of gram_bound.
constexpr int64_t bound_scratch(int64_t rank) {
  return 2 * rank;
}

// Three vectors of the widest registers.
template<class T> constexpr int64_t column_block = 3 * 64 / int64_t(sizeof(T));

template<class T> constexpr int64_t column_elements(int64_t rank, int64_t columns) {
  return (columns + column_block<T> - 1) / column_block<T> * column_block<T> * rank;
}

template<class T> struct nonneg_kernels {
  // N = X Ht: X is rows x columns, Ht columns x rank, N rows x rank.
  void (*xht_dense)(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* Ht, int64_t ldh,
                    T* N, int64_t ldn);

  // A += X' W: X is rows x columns, W rows x rank, A columns x rank.
  void (*xtw_dense)(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* W, int64_t ldw, T* A,
                    int64_t lda);

  // N = X Ht for CSR rows: entries indptr[i] <= p < indptr[i + 1]; indices are in bounds by contract.
  void (*xht_csr)(int64_t rows, int64_t rank, const uint32_t* indptr, const uint32_t* indices, const T* values,
                  const T* Ht, int64_t ldh, T* N, int64_t ldn);

  // G += F' F: F is rows x rank.
  void (*gram)(int64_t rows, int64_t rank, const T* F, int64_t ldf, T* G, int64_t ldg);

  // F = F o N / (F G + l1 + l2 F), in place; 0 where the denominator is 0. `scratch`: mu_scratch(rank) elements.
  void (*mu_update)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                    const update_terms<T>& terms, T* scratch);

  // U = W H: W is rows x rank, H rank x columns.
  void (*wh_dense)(int64_t rows, int64_t columns, int64_t rank, const T* W, int64_t ldw, const T* H, int64_t ldh, T* U,
                   int64_t ldu);

  // The entries' parts of gradient, curvature and loss of any beta-divergence.
  void (*beta_terms)(const tile_of_X<T>& tile);
  void (*beta_xht_csr)(const entries_of_X<T>& entries);

  // F = F o (N / (P + l1 + l2 F))^gamma, in place; 0 where the denominator is 0. ldp = 0: P is one row for all.
  void (*mu_ratio)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* P, int64_t ldp,
                   double gamma, const update_terms<T>& terms);

  // A = keep A + F^(1 / gamma) o N, B = keep B + P + l1 + l2 F, F = (A / B)^gamma, in place; 0 where B is 0. A and B
  // have F's rows' distance, P as above.
  void (*online_update)(int64_t rows, int64_t rank, T* F, T* A, T* B, int64_t ldf, const T* N, int64_t ldn, const T* P,
                        int64_t ldp, double gamma, T keep, const update_terms<T>& terms);

  // F = max(0, F - step / (L + l2) (P - N + l1 + l2 F)), in place, with one L for each row (ldl = 1) or for all (0),
  // and P as above. Sum of |projected gradient|.
  double (*pg_step)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* P, int64_t ldp,
                    const T* L, int64_t ldl, T step, const update_terms<T>& terms);

  // Coordinate descent over rows of F, in place.
  void (*cd_dense)(const descent_of_tile<T>& descent);
  void (*cd_csr)(const descent_of_entries<T>& descent);

  // The hashed mask of the tile at (row, column) of X.
  void (*holdout)(int64_t rows, int64_t columns, uint32_t row, uint32_t column, uint32_t seed, uint32_t threshold,
                  bool complement, T* V, int64_t ldv);

  // One descent along each coordinate of F's rows in turn, in place; returns the violation. G is symmetric. `scratch`:
  // hals_scratch(rank) elements.
  double (*hals_update)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                        const update_terms<T>& terms, T* scratch);

  // F's rows at their minima over [0, most], in place; returns the violation. G is symmetric. `scratch`:
  // bpp_scratch(rank) doubles.
  double (*bpp_update)(int64_t rows, int64_t rank, T* F, int64_t ldf, const T* N, int64_t ldn, const T* G, int64_t ldg,
                       const update_terms<T>& terms, double* scratch);

  // The same for rows whose entries have weights.
  void (*bpp_dense)(const weighed_rows<T>& rows);
  void (*bpp_csr)(const weighed_rows<T>& rows);

  // F = F + weight (F - P), within [0, most] where that moves it, while P becomes what F was.
  void (*extrapolate)(int64_t length, T* F, T* P, T weight, T most);

  // What `gram` does, but for entries below the diagonal, which it may leave out.
  void (*half_gram)(int64_t rows, int64_t rank, const T* F, int64_t ldf, T* G, int64_t ldg);

  // Inner product, in float64.
  double (*dot)(int64_t length, const T* a, const T* b);

  // The rows of Ht that grain_products wants together, for a rank that is a multiple of 4; 1: xht_dense does as well
  // with Ht as it is.
  int64_t (*grain_of)(int64_t rank);

  // H = Ht in groups of so many rows, in the order that grain_products reads them in. It has room for the columns of X
  // up to `capacity`; these are rows of Ht from `first` on, which opens a cache line of a row of X as it opens a group.
  // Rows of zeros follow up to the end of such a line.
  void (*pack_grains)(int64_t first, int64_t columns, int64_t rank, const T* Ht, int64_t ldh, T* H, int64_t capacity);

  // xht_dense for an H so packed, from column `first` of it and of X on, which opens a cache line too. The columns fill
  // whole lines: rows of X and of H go on with zeros.
  void (*grain_products)(int64_t rows, int64_t first, int64_t columns, int64_t rank, const T* X, int64_t ldx,
                         const T* H, int64_t capacity, T* N, int64_t ldn);

  // xtw_dense for a result by rows: B = W' X, or B += W' X where `adds`; rank and columns as there. B, rank x columns,
  // is in blocks of column_block columns, one after another, each by rows: column_elements(rank, columns) in all.
  void (*column_products)(int64_t rows, int64_t columns, int64_t rank, const T* X, int64_t ldx, const T* W, int64_t ldw,
                          T* B, bool adds);

  // A = the sum of so many such B, `step` elements apart, transposed: columns x rank.
  void (*column_sums)(int64_t groups, int64_t step, int64_t columns, int64_t rank, const T* B, T* A, int64_t lda);

  // F by a projected step against its gradient and by the multiplicative update of reduced variance, in place. Of the
  // first, components of a padding must not move: they would count in its sums. Every G is symmetric.
  void (*sgd_update)(const gradient_step<T>& step);
  void (*svrmu_update)(const reduced_update<T>& update);

  // Of the largest eigenvalue of a symmetric G without negative entries, in float64. `scratch`: bound_scratch(rank)
  // doubles.
  double (*gram_bound)(int64_t rank, const T* G, int64_t ldg, double* scratch);
};

// What one instruction set has: baseline, avx2, avx512 or neon.
struct nonneg_isa {
  const char* name;
  nonneg_kernels<float> f32;
  nonneg_kernels<double> f64;
};

} // namespace nonneg
