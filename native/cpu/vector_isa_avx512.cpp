#define NONNEG_ISA avx512
#define NONNEG_VECTOR_BYTES 64
#include "vector_isa.inl"
