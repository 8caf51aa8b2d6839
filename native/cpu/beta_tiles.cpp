#include "beta_tiles.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

namespace {

// A tile with its model and their like stay in a level-2 cache.
constexpr int64_t tile_rows = panel_rows;
constexpr int64_t tile_columns = 512;

// Elements of the lines of X that come whole, at a time; its columns come at least a cache line wide.
constexpr int64_t lines_work = int64_t(1) << 16;
constexpr int64_t fewest_columns = 16;

// Widths that are a whole number of cache lines stay in the vector code of every instruction set.
template<class T> constexpr int64_t round_up(int64_t columns) {
  constexpr int64_t line = 64 / sizeof(T);
  return (columns + line - 1) / line * line;
}

template<class T> int64_t tile_elements() {
  return tile_rows * padded_stride<T>(tile_columns);
}

template<class T> void add(int64_t count, const T* from, T* to) {
  for (int64_t i = 0; i < count; i++)
    to[i] += from[i];
}

// to[j][i] = from[i][j], in blocks of cache lines.
template<class T> void transpose(int64_t rows, int64_t columns, const T* from, int64_t ld_from, T* to, int64_t ld_to) {
  constexpr int64_t block = 16;
  for (int64_t i0 = 0; i0 < rows; i0 += block) {
    const int64_t i1 = std::min(i0 + block, rows);
    for (int64_t j = 0; j < columns; j++) {
      for (int64_t i = i0; i < i1; i++)
        to[j * ld_to + i] = from[i * ld_from + j];
    }
  }
}

// Rows first … first + count of a CSR matrix, columns begin … begin + width, spread out.
template<class T>
void spread(const csr_rows<T>& from, bool in_order, int64_t first, int64_t count, int64_t begin, int64_t width, T* to,
            int64_t ld) {
  const uint32_t* const indices = from.indices.get();
  for (int64_t i = 0; i < count; i++) {
    T* const out = to + i * ld;
    memset(out, 0, size_t(width) * sizeof(T));
    const uint32_t* at = indices + from.indptr[first + i];
    const uint32_t* end = indices + from.indptr[first + i + 1];
    if (in_order) {
      at = std::lower_bound(at, end, uint32_t(begin));
      end = std::lower_bound(at, end, begin + width); // 64 bits: the last column's successor need not fit an index
    }
    for (; at < end; at++) {
      const int64_t j = int64_t(*at) - begin;
      if (j >= 0 && j < width)
        out[j] += from.values[at - indices];
    }
  }
}

} // namespace

template<class T>
beta_tiles<T>::beta_tiles(const fit_shape& shape, const operands<T>& f, const matrix<T>& X, const weights<T>& V)
    : shape(shape), rank(f.rank), components((shape.rank + 3) / 4 * 4),
      packed(!wants_whole_rows(shape.rule) && f.kernels->grain_of(components) > 1), X(X), V(V),
      ldh(padded_stride<T>(shape.columns)), ldw(shape.rule == update_rule::hals ? padded_stride<T>(shape.rows) : 0) {}

template<class T> double beta_tiles<T>::bytes() const {
  return sizeof(T) * (double(rank) * (double(ldh) + double(ldw)) + double(packed) * double(components) * double(ldh));
}

template<class T> bool beta_tiles<T>::allocate() {
  if (!H.allocate(rank * ldh) || !Wt.allocate(rank * ldw) || !grains.allocate(packed ? components * ldh : 0))
    return false;
  // the models of columns beyond the last are computed with the others and never looked at
  memset(H.get(), 0, size_t(rank * ldh) * sizeof(T));
  return true;
}

// The entries of a CSR row may come in any order; those of the transpose's rows are in order.
template<class T> bool beta_tiles<T>::prepare() {
  const csr_rows<T>& r = X.by_row();
  for (int64_t i = 0; X.sparse() && in_order && i < r.rows; i++)
    in_order = std::is_sorted(r.indices.get() + r.indptr[i], r.indices.get() + r.indptr[i + 1]);
  return true;
}

// Panels enough for many threads; their lengths suit the register tiles.
template<class T> int64_t beta_tiles<T>::panel(factor side) const {
  const int64_t length = side == factor::W ? shape.rows : shape.columns;
  if (wants_whole_rows(shape.rule)) {
    const int64_t least = side == factor::W ? 1 : fewest_columns;
    return std::clamp<int64_t>(length / 64 / least * least, least, panel_rows);
  }
  if (side == factor::W)
    return std::clamp<int64_t>(length / 32 / 14 * 14, 14, tile_rows);
  return std::clamp<int64_t>(length / 64 / 48 * 48, 48, 480);
}

template<class T> int64_t beta_tiles<T>::longest_panel() const {
  return std::max(panel(factor::W), panel(factor::Ht));
}

template<class T> partition beta_tiles<T>::cut(factor side) const {
  return cut_evenly(side == factor::W ? shape.rows : shape.columns, panel(side), most_groups(rank));
}

template<class T> partition beta_tiles<T>::cut_batch(const row_range& rows) const {
  return nonneg::cut_batch(rows.first, rows.count, panel(factor::W), most_groups(rank));
}

// Lines of X, or of its transpose, that rules which see them whole take at a time.
template<class T> int64_t beta_tiles<T>::lines(factor side) const {
  const int64_t length = std::max<int64_t>(side == factor::W ? shape.columns : shape.rows, 1);
  return std::clamp<int64_t>(lines_work / length, side == factor::W ? 1 : fewest_columns, panel(side));
}

// What the rule's kernel needs beside the lines.
template<class T> int64_t beta_tiles<T>::own_scratch() const {
  if (shape.rule == update_rule::bpp)
    return weighed_elements<T>(shape.rank);
  return round_up<T>(std::max(shape.rows, shape.columns));
}

template<class T> int64_t beta_tiles<T>::scratch() const {
  if (!wants_whole_rows(shape.rule))
    return 5 * tile_elements<T>() + 2 * longest_panel() * rank;
  const int64_t rows = lines(factor::W) * padded_stride<T>(shape.columns);
  const int64_t columns = lines(factor::Ht) * padded_stride<T>(shape.rows);
  const int64_t whole = own_scratch() + 2 * std::max(rows, columns);
  return std::max(whole + tile_elements<T>(), 3 * tile_elements<T>());
}

template<class T> typename beta_tiles<T>::view beta_tiles<T>::tile(const place& at, T* room) const {
  if (!X.sparse())
    return {X.row(at.row) + at.column, X.ld()};
  const int64_t ld = padded_stride<T>(at.columns);
  spread(X.by_row(), in_order, at.row, at.rows, at.column, at.columns, room, ld);
  return {room, ld};
}

template<class T>
typename beta_tiles<T>::view beta_tiles<T>::weights_of(const nonneg_kernels<T>& k, const place& at, T* room) const {
  if (V.kind() == weights_kind::dense)
    return {V.row(at.row) + at.column, V.ld()};
  if (V.kind() != weights_kind::holdout)
    return {};
  const int64_t ld = padded_stride<T>(at.columns);
  k.holdout(at.rows, at.columns, uint32_t(at.row), uint32_t(at.column), V.seed(), V.threshold(), V.complement(), room,
            ld);
  return {room, ld};
}

// The columns of a part of X as lines.
template<class T> typename beta_tiles<T>::view beta_tiles<T>::columns_of_X(const place& at, T* room) const {
  const int64_t ld = padded_stride<T>(at.rows);
  if (X.sparse()) {
    spread(X.by_column(), true, at.column, at.columns, at.row, at.rows, room, ld);
  } else {
    transpose(at.rows, at.columns, X.row(at.row) + at.column, X.ld(), room, ld);
  }
  return {room, ld};
}

// The same of the weights, by way of small tiles.
template<class T>
typename beta_tiles<T>::view beta_tiles<T>::columns_of_weights(const nonneg_kernels<T>& k, const place& at, T* room,
                                                               T* small) const {
  if (V.kind() == weights_kind::none)
    return {};
  const int64_t ld = padded_stride<T>(at.rows);
  for (int64_t i = 0; i < at.rows; i += tile_rows) {
    const place part = {at.row + i, std::min(tile_rows, at.rows - i), at.column, at.columns};
    const view from = weights_of(k, part, small);
    transpose(part.rows, part.columns, from.at, from.ld, room + i, ld);
  }
  return {room, ld};
}

// One tile after another: those of the panel's rows along the columns, those of its columns down the rows.
template<class T>
bool beta_tiles<T>::form(const operands<T>& f, const crew& c, const panel_of<T>& p, const gradient<T>& g) {
  const int64_t room = tile_elements<T>();
  T* const part = p.scratch + 5 * room;
  T* const part_of_P = part + longest_panel() * rank;
  const bool by_rows = p.side == factor::W;
  if (g.L)
    memset(g.L, 0, size_t(p.count) * sizeof(T));
  for (T* sums : {g.N, g.P}) {
    if (sums)
      memset(sums, 0, size_t(p.count * rank) * sizeof(T));
  }
  const row_range whole = {0, by_rows ? shape.columns : shape.rows}, along = p.rows ? *p.rows : whole;
  const int64_t end = along.first + along.count, step = by_rows ? tile_columns : tile_rows;
  for (int64_t begin = along.first; begin < end; begin += step) {
    if (c.stop())
      return false;
    const int64_t width = std::min(step, end - begin);
    const place at = by_rows ? place{p.first, p.count, begin, width} : place{begin, width, p.first, p.count};
    tile_of_X<T> t;
    t.rows = at.rows;
    t.columns = at.columns;
    t.U = p.scratch;
    t.ldu = padded_stride<T>(at.columns);
    const view x = tile(at, p.scratch + room);
    const view v = weights_of(*f.kernels, at, p.scratch + 2 * room);
    t.X = x.at;
    t.ldx = x.ld;
    t.V = v.at;
    t.ldv = v.ld;
    t.P = g.P ? p.scratch + 3 * room : nullptr;
    t.C = g.L ? p.scratch + 4 * room : nullptr;
    t.loss = p.loss;
    t.beta = shape.beta;
    f.kernels->wh_dense(at.rows, round_up<T>(at.columns), shape.rank, f.W + at.row * rank, rank, H.get() + at.column,
                        ldh, t.U, t.ldu);
    f.kernels->beta_terms(t);
    if (!g.N)
      continue;
    if (by_rows) {
      rows_of_tile(f, at, t, g, part);
    } else {
      columns_of_tile(f, at, t, g, begin > along.first, part, part_of_P);
    }
  }
  if (!by_rows && along.count > 0) {
    if (g.N)
      f.kernels->column_sums(1, 0, p.count, components, part, g.N, rank);
    if (g.P)
      f.kernels->column_sums(1, 0, p.count, components, part_of_P, g.P, rank);
  }
  return true;
}

// N += Q Ht, P += P Ht, L += C norms
template<class T>
void beta_tiles<T>::rows_of_tile(const operands<T>& f, const place& at, const tile_of_X<T>& t, const gradient<T>& g,
                                 T* part) const {
  const int64_t whole = round_up<T>(at.columns);
  const auto multiply = [&](T* by, T* sums) {
    if (!packed) {
      f.kernels->xht_dense(at.rows, at.columns, rank, by, t.ldu, f.Ht + at.column * rank, rank, part, rank);
    } else {
      // what lies beyond the last column meets the zeros that H goes on with, and must be a number
      for (int64_t i = 0; i < at.rows && whole > at.columns; i++)
        memset(by + i * t.ldu + at.columns, 0, size_t(whole - at.columns) * sizeof(T));
      f.kernels->grain_products(at.rows, at.column, whole, components, by, t.ldu, grains.get(), ldh, part, rank);
      for (int64_t i = 0; i < at.rows && components < rank; i++)
        memset(part + i * rank + components, 0, size_t(rank - components) * sizeof(T));
    }
    add(at.rows * rank, part, sums);
  };
  multiply(t.U, g.N);
  if (g.P)
    multiply(t.P, g.P);
  for (int64_t i = 0; g.L && i < at.rows; i++)
    g.L[i] += T(f.kernels->dot(at.columns, t.C + i * t.ldu, g.norms + at.column));
}

// The same for the columns of the tile, N and P still to be transposed: N = Q' W or, where it `adds`, N += Q' W, P
// likewise; L += C' norms
template<class T>
void beta_tiles<T>::columns_of_tile(const operands<T>& f, const place& at, const tile_of_X<T>& t, const gradient<T>& g,
                                    bool adds, T* N, T* P) const {
  const T* const W = f.W + at.row * rank;
  const int64_t whole = round_up<T>(at.columns);
  f.kernels->column_products(at.rows, whole, components, t.U, t.ldu, W, rank, N, adds);
  if (g.P)
    f.kernels->column_products(at.rows, whole, components, t.P, t.ldu, W, rank, P, adds);
  for (int64_t i = 0; g.L && i < at.rows; i++) {
    const T norm = g.norms[at.row + i];
    for (int64_t j = 0; j < at.columns; j++)
      g.L[j] += t.C[i * t.ldu + j] * norm;
  }
}

template<class T>
bool beta_tiles<T>::descend(const operands<T>& f, const crew& c, const panel_of<T>& p, const T*, double& violation) {
  const bool by_rows = p.side == factor::W;
  const int64_t length = by_rows ? shape.columns : shape.rows, most = lines(p.side);
  const int64_t room = most * padded_stride<T>(length);
  T* const of_X = p.scratch + own_scratch();
  T* const of_V = of_X + room;
  panel_of<T> part = p;
  for (int64_t done = 0; done < p.count; done += most) {
    if (c.stop())
      return false;
    part.first = p.first + done;
    part.count = std::min(most, p.count - done);
    view x, v;
    if (by_rows) {
      const place at = {part.first, part.count, 0, length};
      x = tile(at, of_X);
      v = weights_of(*f.kernels, at, of_V);
    } else {
      const place at = {0, length, part.first, part.count};
      x = columns_of_X(at, of_X);
      v = columns_of_weights(*f.kernels, at, of_V, of_V + room);
    }
    over_runs(shape, part, [&](const panel_of<T>& run) {
      const int64_t further = run.first - part.first;
      const view of_run = {x.at + further * x.ld, x.ld};
      const view weighing = {v.at ? v.at + further * v.ld : nullptr, v.ld};
      if (shape.rule == update_rule::bpp)
        minimise(f, run, of_run, weighing, violation);
      else
        descend_along(f, run, of_run, weighing, violation);
    });
  }
  return true;
}

template<class T>
void beta_tiles<T>::descend_along(const operands<T>& f, const panel_of<T>& p, const view& x, const view& v,
                                  double& violation) const {
  const bool by_rows = p.side == factor::W;
  descent_of_tile<T> d;
  d.rows = p.count;
  d.columns = by_rows ? shape.columns : shape.rows;
  d.rank = shape.rank;
  d.X = x.at;
  d.ldx = x.ld;
  d.V = v.at;
  d.ldv = v.ld;
  d.O = by_rows ? H.get() : Wt.get();
  d.ldo = by_rows ? ldh : ldw;
  d.F = rows_of(f, p.side) + p.first * rank;
  d.ldf = rank;
  d.loss = p.loss;
  d.violation = &violation;
  d.beta = shape.beta;
  d.terms = terms_of_panel(shape, p);
  d.scratch = p.scratch;
  f.kernels->cd_dense(d);
}

template<class T>
void beta_tiles<T>::minimise(const operands<T>& f, const panel_of<T>& p, const view& x, const view& v,
                             double& violation) const {
  weighed_rows<T> m = weighed_rows_of(shape, f, p, violation);
  m.columns = p.side == factor::W ? shape.columns : shape.rows;
  m.X = x.at;
  m.ldx = x.ld;
  m.V = v.at;
  m.ldv = v.ld;
  f.kernels->bpp_dense(m);
}

template<class T> void beta_tiles<T>::moved(const operands<T>& f, factor side, int64_t first, int64_t count) {
  if (side == factor::Ht) {
    transpose(count, shape.rank, f.Ht + first * rank, rank, H.get() + first, ldh);
    if (packed)
      f.kernels->pack_grains(first, count, components, f.Ht + first * rank, rank, grains.get(), ldh);
  } else if (ldw > 0) {
    transpose(count, shape.rank, f.W + first * rank, rank, Wt.get() + first, ldw);
  }
}

template class beta_tiles<float>;
template class beta_tiles<double>;

} // namespace nonneg
