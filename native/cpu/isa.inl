// One instruction set's tables. The including file says NONNEG_ISA (the name), NONNEG_VECTOR_BYTES and the rows of its
// register tiles, and is compiled with that set's flags; nothing but <stdint.h> may be included here (see tile.inl).
#include "../include/kernels.h"

namespace nonneg {
namespace {
#include "tile.inl"

#include "transposed.inl"

#include "powers.inl"

#include "lanes.inl"
#include "losses.inl"
#include "partial.inl"

#include "descent.inl"
#include "entry_blocks.inl"
#include "pivoting.inl"

#include "weighed_rows.inl"

#include "beta_terms.inl"
#include "beta_xht_csr.inl"
#include "bpp_csr.inl"
#include "bpp_dense.inl"
#include "bpp_update.inl"
#include "cd_csr.inl"
#include "cd_dense.inl"
#include "column_products.inl"
#include "dot.inl"
#include "extrapolate.inl"
#include "grain_products.inl"
#include "gram.inl"
#include "gram_bound.inl"
#include "hals_update.inl"
#include "holdout.inl"
#include "mu_ratio.inl"
#include "mu_update.inl"
#include "online_update.inl"
#include "pg_step.inl"
#include "xht_csr.inl"
#include "xht_dense.inl"
#include "xtw_dense.inl"

#include "sgd_update.inl"
#include "svrmu_update.inl"
#include "wh_dense.inl"

template<class T>
constexpr nonneg_kernels<T> table = {
    xht_dense<T>,       xtw_dense<T>,    xht_csr<T>,     gram<T>,          mu_update<T>,   wh_dense<T>,
    beta_terms<T>,      beta_xht_csr<T>, mu_ratio<T>,    online_update<T>, pg_step<T>,     cd_dense<T>,
    cd_csr<T>,          holdout<T>,      hals_update<T>, bpp_update<T>,    bpp_dense<T>,   bpp_csr<T>,
    extrapolate<T>,     half_gram<T>,    dot<T>,         grain_of<T>,      pack_grains<T>, grain_products<T>,
    column_products<T>, column_sums<T>,  sgd_update<T>,  svrmu_update<T>,  gram_bound<T>};
} // namespace

#define NONNEG_TEXT_OF(token) #token
#define NONNEG_TEXT(token) NONNEG_TEXT_OF(token)
#define NONNEG_JOIN_OF(a, b) a##b
#define NONNEG_JOIN(a, b) NONNEG_JOIN_OF(a, b)

extern "C" {
extern const nonneg_isa NONNEG_JOIN(nonneg_isa_, NONNEG_ISA);
const nonneg_isa NONNEG_JOIN(nonneg_isa_, NONNEG_ISA) = {NONNEG_TEXT(NONNEG_ISA), table<float>, table<double>};
}
} // namespace nonneg
