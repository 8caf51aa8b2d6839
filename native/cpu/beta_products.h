// How X meets the factors for any beta-divergence: at its listed entries, or tile by tile of the model W·H. Both
// updates are one: that of the rows of a factor F with X = F·O', where X is the matrix and F is W, or X is the
// transpose and F Ht.
#pragma once

#include "sweep.h"
#include "weights.h"

namespace nonneg {

// Both halves of the gradient of a panel of rows, packed with the padded rank, and a bound of the curvature of each
// row.
template<class T> struct gradient {
  T* N = nullptr;           // null: the loss alone is wanted
  T* P = nullptr;           // null: not wanted
  T* L = nullptr;           // null: not wanted
  const T* norms = nullptr; // squared norms of the rows of O, for L
};

template<class T> struct panel_of {
  factor side;
  int64_t first = 0;
  int64_t count = 0;
  double* loss = nullptr; // grows by that of the panel as it was; null: not wanted
  T* scratch = nullptr;
  const row_range* rows = nullptr; // of Ht in a batch: these rows of X and W alone count; null: all
  bool stays = false;              // no row moves: they are there for their loss
};

// Calls act(run) for the runs of rows of a panel that a rule of whole rows has to do with: those that stay it visits
// for their loss alone, where it is wanted.
template<class T, class Act> void over_runs(const fit_shape& shape, const panel_of<T>& p, const Act& act) {
  frozen_of(shape, p.side).over(p.first, p.count, [&](int64_t first, int64_t count, bool stays) {
    if (stays && !p.loss)
      return;
    panel_of<T> run = p;
    run.first = first;
    run.count = count;
    run.stays = stays;
    act(run);
  });
}

// What kernels for whole rows heed of a panel.
template<class T> update_terms<T> terms_of_panel(const fit_shape& shape, const panel_of<T>& p) {
  update_terms<T> terms = terms_for<T>(terms_of(shape, p.side), shape, shape.rank);
  if (p.stays)
    terms.moving = 0;
  return terms;
}

// What bpp_dense and bpp_csr take of a panel, but for X and its weights.
template<class T>
weighed_rows<T> weighed_rows_of(const fit_shape& shape, const operands<T>& f, const panel_of<T>& p, double& violation) {
  weighed_rows<T> rows;
  rows.rows = p.count;
  rows.rank = shape.rank;
  rows.O = rows_of(f, other(p.side));
  rows.F = rows_of(f, p.side) + p.first * f.rank;
  rows.ldo = rows.ldf = rows.readable = f.rank;
  rows.loss = p.loss;
  rows.violation = &violation;
  rows.terms = terms_of_panel(shape, p);
  rows.scratch = reinterpret_cast<double*>(p.scratch);
  return rows;
}

// Elements of a panel's scratch that they take.
template<class T> constexpr int64_t weighed_elements(int64_t rank) {
  return int64_t(sizeof(double) / sizeof(T)) * weighed_scratch(rank);
}

template<class T> class beta_products {
 public:
  virtual ~beta_products() = default;

  virtual double bytes() const = 0; // of everything that `allocate` will ask for
  virtual bool allocate() = 0;

  // Once X is complete; false without memory.
  virtual bool prepare() = 0;

  virtual partition cut(factor side) const = 0;
  virtual partition cut_batch(const row_range& rows) const = 0;
  virtual int64_t longest_panel() const = 0;

  // Elements of scratch that one worker needs, once prepared.
  virtual int64_t scratch() const = 0;

  // The panel's gradient from nothing; false when cancelled meanwhile.
  virtual bool form(const operands<T>& f, const crew& c, const panel_of<T>& p, const gradient<T>& g) = 0;

  // Moves the panel by coordinate descent or to its minimum; false when cancelled meanwhile. `sums`: column sums of O.
  virtual bool descend(const operands<T>& f, const crew& c, const panel_of<T>& p, const T* sums, double& violation) = 0;

  // Rows first … first + count of a factor are new.
  virtual void moved(const operands<T>& f, factor side, int64_t first, int64_t count) = 0;

  // Whether the loss leaves out the sum of all of W·H, which the column sums of the factors give.
  virtual bool loss_without_sum() const = 0;
};

} // namespace nonneg
