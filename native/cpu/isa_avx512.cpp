// 32 registers of 64 bytes.
#define NONNEG_ISA avx512
#define NONNEG_VECTOR_BYTES 64
#define NONNEG_WIDE_ROWS 12
#define NONNEG_NARROW_ROWS 14
#define NONNEG_LONG_ROWS 6
#define NONNEG_GRAM_ROWS 8
#define NONNEG_GRAIN_ROWS 14, 12, 8, 6, 5
#define NONNEG_REPEATS
#define NONNEG_COMPONENTS 8
#include "isa.inl"
