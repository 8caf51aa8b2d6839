// 32 registers of 64 bytes.
#define NONNEG_ISA avx512
#define NONNEG_VECTOR_BYTES 64
#define NONNEG_WIDE_ROWS 12
#define NONNEG_NARROW_ROWS 14
#define NONNEG_LONG_ROWS 6
#define NONNEG_GRAM_ROWS 8
#define NONNEG_DOT_ROWS 6
#define NONNEG_COMPONENTS 8
#include "isa.inl"
