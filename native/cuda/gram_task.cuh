// What blocks need to compute a Gram matrix, on their own or beside those of a product that does not wait for it. Read
// by the host too.
#pragma once

// G = FᵀF, or G += FᵀF, in tiles of which only those on and above the diagonal are computed. The rows are split, and
// the block that finishes a tile's last share adds them all, in order. Where `loss` is given, the last block of all
// then also writes loss[0] = Σ products and loss[1] = ⟨G, other⟩, with `other` symmetric too.
struct gram_task {
  const float* F;
  float* G;
  float* shares;     // splits · tile area for each tile
  unsigned* arrived; // one counter for each tile and one more, all zero before and after
  const float* other;
  const double* products;
  double* tile_products; // one for each tile
  double* loss;          // two
  long long rows;
  long long split; // rows of a share
  int rank;
  int splits;
  int count;      // of the products
  int blocks;     // tiles · splits; 0: there is nothing to compute
  int accumulate; // G += FᵀF
};
