// Factors as the caller has them, packed, and as the kernels want them: rows of the padded rank.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace nonneg {

template<class T> void copy(int64_t count, const T* from, T* to) {
  memcpy(to, from, size_t(count) * sizeof(T));
}

// What pads the rows is zero.
template<class T> void pad(int64_t rows, int64_t rank, int64_t padded, const void* from, T* to) {
  const T* const packed = static_cast<const T*>(from);
  for (int64_t i = 0; i < rows; i++) {
    copy(rank, packed + i * rank, to + i * padded);
    memset(to + i * padded + rank, 0, size_t(padded - rank) * sizeof(T));
  }
}

template<class T> void unpad(int64_t rows, int64_t rank, int64_t padded, const T* from, void* to) {
  for (int64_t i = 0; i < rows; i++)
    copy(rank, from + i * padded, static_cast<T*>(to) + i * rank);
}

// The same, transposed: rank x rows.
template<class T> void unpad_turned(int64_t rows, int64_t rank, int64_t padded, const T* from, void* to) {
  T* const turned = static_cast<T*>(to);
  constexpr int64_t tile = 64;
  for (int64_t i0 = 0; i0 < rows; i0 += tile) {
    const int64_t i1 = std::min(i0 + tile, rows);
    for (int64_t r = 0; r < rank; r++) {
      for (int64_t i = i0; i < i1; i++)
        turned[r * rows + i] = from[i * padded + r];
    }
  }
}

} // namespace nonneg
