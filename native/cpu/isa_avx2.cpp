// 16 registers of 32 bytes: 6 x 2 leaves four for the loads.
#define NONNEG_ISA avx2
#define NONNEG_VECTOR_BYTES 32
#define NONNEG_WIDE_ROWS 6
#define NONNEG_NARROW_ROWS 12
#define NONNEG_GRAM_ROWS 4
#define NONNEG_GRAIN_ROWS 12, 6, 4, 3
#define NONNEG_REPEATS
#define NONNEG_COMPONENTS 4
#include "isa.inl"
