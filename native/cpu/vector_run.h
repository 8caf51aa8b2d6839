// One vector kernel over whole arrays, shared out over the threads of the pool.
#pragma once

#include "../include/fit.h"
#include "../include/vector_kernels.h"

#include <atomic>
#include <string>
#include <vector>

namespace nonneg {

// The kernel of that name in an instruction set that `choose_vectors` accepts; null where there is none.
const nonneg_vector_kernel* find_vector_kernel(const nonneg_vector_isa& isa, const std::string& name);

// The table of an instruction set that this CPU runs; null with a sentence in `reason` for any other.
const nonneg_vector_isa* choose_vectors(const std::string& name, std::string& reason);

// Groups of consecutive entries: group k is bounds[k] … bounds[k + 1], with the kernel's scalars from
// scalars[k * kernel->scalars] on.
struct vector_call {
  const nonneg_vector_kernel* kernel = nullptr;
  float* arrays[most_vector_arrays] = {};
  std::vector<int64_t> bounds;
  std::vector<double> scalars;
  int threads = 1;

  int64_t groups() const { return int64_t(bounds.size()) - 1; }
  int64_t length() const { return bounds.back(); }
};

// Writes the sums of group k from sums[k * kernel->sums] on. Either all entries are done or, where `cancelled` becomes
// true before the first of them, none. The sums are added chunk by chunk in order, whatever the number of threads.
status run_vectors(const vector_call& call, const std::atomic<bool>* cancelled, double* sums);

} // namespace nonneg
