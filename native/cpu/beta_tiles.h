// X by tiles of a size that a cache holds, each beside its tile of the model W·H: what every loss and every kind of
// weights can be served by. Tiles of a dense X are read in place; those of a sparse one are spread out, one at a time.
#pragma once

#include "beta_products.h"

namespace nonneg {

template<class T> class beta_tiles final : public beta_products<T> {
 public:
  beta_tiles(const fit_shape& shape, const operands<T>& f, const matrix<T>& X, const weights<T>& V);

  double bytes() const override;
  bool allocate() override;
  bool prepare() override;
  partition cut(factor side) const override;
  partition cut_batch(const row_range& rows) const override;
  int64_t longest_panel() const override;
  int64_t scratch() const override;
  bool form(const operands<T>& f, const crew& c, const panel_of<T>& p, const gradient<T>& g) override;
  bool descend(const operands<T>& f, const crew& c, const panel_of<T>& p, const T* sums, double& violation) override;
  void moved(const operands<T>& f, factor side, int64_t first, int64_t count) override;
  bool loss_without_sum() const override { return false; }

 private:
  // A part of X, or of its transpose.
  struct place {
    int64_t row, rows, column, columns;
  };
  struct view {
    const T* at = nullptr;
    int64_t ld = 0;
  };

  int64_t panel(factor side) const;
  int64_t lines(factor side) const;
  int64_t own_scratch() const;
  view tile(const place& at, T* room) const;
  view weights_of(const nonneg_kernels<T>& k, const place& at, T* room) const;
  view columns_of_X(const place& at, T* room) const;
  view columns_of_weights(const nonneg_kernels<T>& k, const place& at, T* room, T* small) const;
  void descend_along(const operands<T>& f, const panel_of<T>& p, const view& x, const view& v, double& violation) const;
  void minimise(const operands<T>& f, const panel_of<T>& p, const view& x, const view& v, double& violation) const;
  void rows_of_tile(const operands<T>& f, const place& at, const tile_of_X<T>& t, const gradient<T>& g, T* part) const;
  void columns_of_tile(const operands<T>& f, const place& at, const tile_of_X<T>& t, const gradient<T>& g, bool adds,
                       T* N, T* P) const;

  const fit_shape& shape;
  const int64_t rank;       // padded
  const int64_t components; // of these, what the kernels of products compute: a multiple of 4
  const bool packed;        // products with Ht take it in grains
  const matrix<T>& X;
  const weights<T>& V;
  const int64_t ldh, ldw;
  bool in_order = true; // the entries of X's rows, where it is sparse
  buffer<T> H;          // rank x columns
  buffer<T> grains;     // packed: of pack_grains
  buffer<T> Wt;         // rank x rows, for coordinate descent
};

} // namespace nonneg
