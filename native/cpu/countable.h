// Fits that are too large, some of them even in their sizes.
#pragma once

#include "../include/fit.h"

#include <algorithm>
#include <cstdio>

namespace nonneg {

// Whether all sizes of such a fit are within their integers.
inline bool is_countable(const fit_shape& shape) {
  constexpr double most = 1e17;
  const double longest = double(std::max(shape.rows, shape.columns));
  const double entries = shape.nonzeros < 0 ? double(shape.rows) * double(shape.columns) : 0;
  return entries <= most && (longest + double(shape.rank)) * (double(shape.rank) + 8) <= most;
}

// About what a fit would take whose sizes are not.
inline fit_bytes uncountable_bytes(const fit_shape& shape) {
  const double size = shape.element == element_type::f64 ? 8 : 4;
  const double rows = double(shape.rows), columns = double(shape.columns);
  fit_bytes bytes;
  bytes.X = shape.nonzeros < 0 ? size * rows * columns : 2 * (size + 4) * double(shape.nonzeros);
  bytes.factors = size * (rows + columns) * double(shape.rank);
  return bytes;
}

inline status no_memory(double bytes = 0) {
  if (bytes == 0)
    return {status_code::memory, "no memory for this fit"};
  char text[160];
  snprintf(text, sizeof text, "this fit needs %.3g MB of memory, more than the machine gives", bytes / 1e6);
  return {status_code::memory, text};
}

} // namespace nonneg
