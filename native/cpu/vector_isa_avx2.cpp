#define NONNEG_ISA avx2
#define NONNEG_VECTOR_BYTES 32
#include "vector_isa.inl"
