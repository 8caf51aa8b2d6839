// What every CPU of the architecture has: SSE2 on x86-64.
#define NONNEG_ISA baseline
#define NONNEG_VECTOR_BYTES 16
#define NONNEG_WIDE_ROWS 6
#define NONNEG_NARROW_ROWS 12
#define NONNEG_GRAM_ROWS 4
#define NONNEG_GRAIN_ROWS 12, 6, 4, 3
#define NONNEG_COMPONENTS 4
#include "isa.inl"
