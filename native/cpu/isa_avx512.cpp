// 32 registers of 16 floats.
#define NONNEG_ISA avx512
#define NONNEG_LANES 16
#define NONNEG_WIDE_ROWS 12
#define NONNEG_NARROW_ROWS 14
#define NONNEG_GRAM_ROWS 8
#include "isa.inl"
