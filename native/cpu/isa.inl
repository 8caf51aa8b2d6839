// One instruction set's table. The including file says NONNEG_ISA (the name), NONNEG_LANES and the rows of its register
// tiles, and is compiled with that set's flags; nothing but <stdint.h> may be included here (see tile.inl).
#include "../include/kernels.h"

namespace {
#include "tile.inl"

#include "dot.inl"
#include "gram.inl"
#include "mu_update.inl"
#include "xht_csr.inl"
#include "xht_dense.inl"
#include "xtw_dense.inl"

#include "sweep_dense.inl"
} // namespace

#define NONNEG_TEXT_OF(token) #token
#define NONNEG_TEXT(token) NONNEG_TEXT_OF(token)
#define NONNEG_JOIN_OF(a, b) a##b
#define NONNEG_JOIN(a, b) NONNEG_JOIN_OF(a, b)

extern "C" {
extern const nonneg_kernels NONNEG_JOIN(nonneg_kernels_, NONNEG_ISA);
const nonneg_kernels NONNEG_JOIN(nonneg_kernels_, NONNEG_ISA) = {
    NONNEG_KERNELS_ABI, NONNEG_TEXT(NONNEG_ISA), NONNEG_LANES, xht_dense, xtw_dense, xht_csr, gram, mu_update, dot,
    sweep_dense,
};
}
