#define NONNEG_ISA baseline
#define NONNEG_VECTOR_BYTES 16
#include "vector_isa.inl"
