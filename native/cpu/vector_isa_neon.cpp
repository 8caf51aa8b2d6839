#define NONNEG_ISA neon
#define NONNEG_VECTOR_BYTES 16
#include "vector_isa.inl"
