// How X meets the factors in the gram family: its two products, for dense and for CSR matrices.
#pragma once

#include "matrix.h"
#include "sweep.h"

namespace nonneg {

template<class T> class products {
 public:
  virtual ~products() = default;

  virtual double bytes() const = 0; // of everything that `allocate` will ask for
  virtual bool allocate() = 0;

  // The cuts of the rows and of the columns; called once, when X is complete.
  virtual partition cut_rows() const = 0;
  virtual partition cut_columns() const = 0;

  // That of the rows of a batch, in panels no longer than those of all.
  virtual partition cut_batch(const row_range& rows) const = 0;

  // The longest panels of these cuts.
  virtual int64_t longest_rows() const = 0;
  virtual int64_t longest_columns() const = 0;

  // Elements of scratch that one worker needs in `rows`, `columns` and `columns_of`.
  virtual int64_t scratch() const = 0;

  // Work over these rows of X that must precede `rows`; false when cancelled.
  virtual bool before_rows(const operands<T>& f, const crew& c, const row_range& rows) = 0;

  // N = the panel's rows of X times Ht, packed; false when cancelled meanwhile.
  virtual bool rows(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* N, T* scratch) = 0;

  // The panel of rows first … first + count of `group` has its new W: what `columns` will need of it is kept, here one
  // of `row_parts`. `opens` tells the group's first panel.
  virtual void rows_moved(const operands<T>& f, int64_t group, bool opens, int64_t first, int64_t count, int part) = 0;
  virtual int row_parts() const = 0; // of which each is kept apart from the others; at most chains::most_parts

  // Ht was set from outside.
  virtual void columns_set() = 0;

  // The panel of rows first … first + count of Ht has moved.
  virtual void columns_moved(const operands<T>& f, int64_t first, int64_t count) = 0;

  // A = rows first … first + count of X'W, packed.
  virtual void columns(const operands<T>& f, const crew& c, int64_t first, int64_t count, T* A, T* scratch) = 0;

  // The same from these rows of X and of W, which need not be the factor, with nothing that `rows_moved` kept.
  virtual void columns_of(const operands<T>& f, const crew& c, const T* W, const row_range& rows, int64_t first,
                          int64_t count, T* A, T* scratch) = 0;

  // Of the entries of rows first … first + count, in float64.
  virtual double squared_norm(const operands<T>& f, int64_t first, int64_t count) const = 0;
};

} // namespace nonneg
