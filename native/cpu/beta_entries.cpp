#include "beta_entries.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

// Multiplications of one panel: about a millisecond, the time that an abort may wait.
constexpr int64_t panel_work = int64_t(1) << 22;

// A division for every entry and component, where the other rules have one for every entry; a Gram matrix takes as much
// for every second component.
constexpr int64_t cost_of_descent = 8;

// Moving a row costs about as much as so many entries.
constexpr int64_t row_cost = 16;

// Of the copy that coordinate descent makes of a row's part of the other factor, so that it stays in a cache.
constexpr int64_t largest_copy = int64_t(1) << 17;

} // namespace

template<class T>
beta_entries<T>::beta_entries(const fit_shape& shape, int64_t rank, const matrix<T>& X, const weights<T>& V)
    : shape(shape), rank(rank), X(X), V(V), zeros(V.kind() == weights_kind::none),
      longest_row(std::max(shape.rows, shape.columns)) {}

template<class T> bool beta_entries<T>::prepare() {
  longest_row = 0;
  for (const factor side : {factor::W, factor::Ht}) {
    const csr_rows<T>& r = rows(side);
    for (int64_t i = 0; i < r.rows; i++)
      longest_row = std::max<int64_t>(longest_row, int64_t(r.indptr[i + 1]) - r.indptr[i]);
  }
  return true;
}

template<class T> int64_t beta_entries<T>::most_entries() const {
  int64_t work = panel_work;
  if (wants_whole_rows(shape.rule))
    work /= shape.rule == update_rule::bpp ? std::max(cost_of_descent, rank / 4) : cost_of_descent;
  return std::max<int64_t>(work / rank, 1024);
}

template<class T> partition beta_entries<T>::cut(factor side) const {
  const csr_rows<T>& r = rows(side);
  return cut_by_entries(0, r.rows, r.indptr.get(), most_entries(), row_cost, most_groups(rank));
}

template<class T> partition beta_entries<T>::cut_batch(const row_range& of) const {
  const uint32_t* const indptr = X.by_row().indptr.get();
  return cut_by_entries(of.first, of.first + of.count, indptr, most_entries(), row_cost, most_groups(rank));
}

// Rules that form a gradient have only the sums that nobody wants where the loss is measured alone.
template<class T> int64_t beta_entries<T>::scratch() const {
  const int64_t unwanted = panel_rows * rank;
  if (!wants_whole_rows(shape.rule))
    return unwanted;
  if (shape.rule == update_rule::bpp)
    return std::max(unwanted, weighed_elements<T>(shape.rank));
  const int64_t copy = std::min((rank + 1) * longest_row, largest_copy);
  return std::max({unwanted, copy, cd_scratch(longest_row)});
}

template<class T>
bool beta_entries<T>::form(const operands<T>& f, const crew& c, const panel_of<T>& p, const gradient<T>& g) {
  const csr_rows<T>& r = rows(p.side);
  entries_of_X<T> e;
  e.rows = p.count;
  // the padding is zero, and fewer components than it has lanes are taken one by one
  e.rank = std::max(shape.rank, rank_multiple);
  e.ldf = e.ldo = e.ldn = e.ldp = rank;
  e.indptr = r.indptr.get() + p.first;
  e.indices = r.indices.get();
  e.values = r.values.get();
  e.weights = V.entries(p.side == factor::Ht);
  e.F = rows_of(f, p.side) + p.first * rank;
  e.O = rows_of(f, other(p.side));
  e.norms = g.norms;
  e.N = g.N ? g.N : p.scratch;
  e.P = g.P;
  e.L = g.L;
  e.loss = p.loss;
  e.beta = shape.beta;
  e.zeros = zeros;
  for (T* sums : {e.N, e.P}) {
    if (sums)
      memset(sums, 0, size_t(p.count * rank) * sizeof(T));
  }
  if (e.L)
    memset(e.L, 0, size_t(p.count) * sizeof(T));
  const int64_t most = most_entries();
  if (!p.rows && (p.count > 1 || int64_t(e.indptr[1]) - e.indptr[0] <= most)) {
    f.kernels->beta_xht_csr(e);
    return true;
  }
  // a row longer than a panel's entries, in pieces, or the part of each row that counts
  e.rows = 1;
  for (int64_t i = 0; i < p.count; i++) {
    const int64_t row = p.first + i;
    const auto [begin, end] = p.rows ? r.within(row, *p.rows) : std::pair(r.indptr[row], r.indptr[row + 1]);
    for (int64_t at = begin; at < end; at += most) {
      if (c.stop())
        return false;
      const uint32_t piece[2] = {uint32_t(at), uint32_t(std::min<int64_t>(at + most, end))};
      e.indptr = piece;
      f.kernels->beta_xht_csr(e);
    }
    e.F += rank;
    e.N += rank;
    e.P += e.P ? rank : 0;
    e.L += e.L ? 1 : 0;
  }
  return true;
}

template<class T>
bool beta_entries<T>::descend(const operands<T>& f, const crew&, const panel_of<T>& given, const T* sums,
                              double& violation) {
  const csr_rows<T>& r = rows(given.side);
  over_runs(shape, given, [&](const panel_of<T>& p) {
    if (shape.rule == update_rule::bpp) {
      weighed_rows<T> m = weighed_rows_of(shape, f, p, violation);
      m.indptr = r.indptr.get() + p.first;
      m.indices = r.indices.get();
      m.X = r.values.get();
      m.V = V.entries(p.side == factor::Ht);
      f.kernels->bpp_csr(m);
      return;
    }
    descent_of_entries<T> d;
    d.rows = p.count;
    d.rank = shape.rank;
    d.ldf = d.ldo = rank;
    d.indptr = r.indptr.get() + p.first;
    d.indices = r.indices.get();
    d.values = r.values.get();
    d.weights = V.entries(p.side == factor::Ht);
    d.O = rows_of(f, other(p.side));
    d.sums = zeros ? sums : nullptr;
    d.F = rows_of(f, p.side) + p.first * rank;
    d.loss = p.loss;
    d.violation = &violation;
    d.beta = shape.beta;
    d.terms = terms_of_panel(shape, p);
    d.scratch = p.scratch;
    d.scratch_length = scratch();
    f.kernels->cd_csr(d);
  });
  return true;
}

template class beta_entries<float>;
template class beta_entries<double>;

} // namespace nonneg
