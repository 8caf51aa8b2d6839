// One instruction set's table of vector kernels. The including file says NONNEG_ISA (the name) and NONNEG_VECTOR_BYTES,
// and is compiled with that set's flags; as in isa.inl nothing but <stdint.h> may be included.
#include "../include/vector_kernels.h"

namespace nonneg {
namespace {
#include "vector_loop.inl"
#include "vector_parts.inl"

#include "adam_products.inl"
#include "adam_step.inl"
#include "axpby.inl"
#include "dual_average.inl"
#include "gradient_products.inl"
#include "momentum_step.inl"
#include "nesterov_step.inl"
#include "sgd_step.inl"

#include "hypergradient_adam.inl"
#include "hypergradient_momentum.inl"
#include "hypergradient_nesterov.inl"
#include "idbd_step.inl"
#include "rprop_step.inl"

constexpr nonneg_vector_kernel table[] = {
    entry<adam_products>("adam_products"),
    entry<adam_step>("adam_step"),
    entry<axpby>("axpby"),
    entry<dual_average>("dual_average"),
    entry<gradient_products>("gradient_products"),
    entry<hypergradient_adam>("hypergradient_adam"),
    entry<hypergradient_momentum>("hypergradient_momentum"),
    entry<hypergradient_nesterov>("hypergradient_nesterov"),
    entry<idbd_step>("idbd_step"),
    entry<momentum_step>("momentum_step"),
    entry<nesterov_step>("nesterov_step"),
    entry<rprop_step>("rprop_step"),
    entry<sgd_step>("sgd_step"),
};
} // namespace

#define NONNEG_TEXT_OF(token) #token
#define NONNEG_TEXT(token) NONNEG_TEXT_OF(token)
#define NONNEG_JOIN_OF(a, b) a##b
#define NONNEG_JOIN(a, b) NONNEG_JOIN_OF(a, b)

extern "C" {
extern const nonneg_vector_isa NONNEG_JOIN(nonneg_vectors_, NONNEG_ISA);
const nonneg_vector_isa NONNEG_JOIN(nonneg_vectors_, NONNEG_ISA) = {NONNEG_TEXT(NONNEG_ISA),
                                                                    int32_t(sizeof table / sizeof table[0]), table};
}
} // namespace nonneg
