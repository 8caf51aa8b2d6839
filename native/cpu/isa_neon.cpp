// arm64: 32 registers of 4 floats.
#define NONNEG_ISA neon
#define NONNEG_VECTOR_BYTES 16
#define NONNEG_WIDE_ROWS 12
#define NONNEG_NARROW_ROWS 12
#define NONNEG_GRAM_ROWS 8
#define NONNEG_GRAIN_ROWS 12, 12, 8, 6
#define NONNEG_COMPONENTS 8
#include "isa.inl"
