// A fit on the CPU's threads, in float32 or float64. The results do not depend on the number of threads, bit for bit;
// they do depend, in the last bits, on the instruction set.
#pragma once

#include "../include/fit.h"
#include "../include/kernels.h"

namespace nonneg {

// What make_cpu_fit would take: nothing of it is taken.
status bytes_of_cpu_fit(const fit_shape& shape, const nonneg_isa& isa, fit_bytes& bytes);

// Null with a status where memory does not suffice. Everything that a run needs is allocated here.
std::unique_ptr<fit> make_cpu_fit(const fit_shape& shape, const nonneg_isa& isa, status& result);

} // namespace nonneg
