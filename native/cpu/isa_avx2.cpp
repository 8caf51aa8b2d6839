// 16 registers of 8 floats: 6 x 16 leaves four for the loads.
#define NONNEG_ISA avx2
#define NONNEG_LANES 8
#define NONNEG_WIDE_ROWS 6
#define NONNEG_NARROW_ROWS 12
#define NONNEG_GRAM_ROWS 4
#include "isa.inl"
