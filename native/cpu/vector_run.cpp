#include "vector_run.h"

#include "denormals.h"
#include "dispatch.h"
#include "memory.h"
#include "pool.h"

#include <algorithm>
#include <cstring>

extern "C" {
#if defined(NONNEG_HAS_NEON)
extern const nonneg::nonneg_vector_isa nonneg_vectors_neon;
#else
extern const nonneg::nonneg_vector_isa nonneg_vectors_baseline;
#endif
#if defined(NONNEG_HAS_AVX)
extern const nonneg::nonneg_vector_isa nonneg_vectors_avx2;
extern const nonneg::nonneg_vector_isa nonneg_vectors_avx512;
#endif
}

namespace nonneg {

namespace {

constexpr const nonneg_vector_isa* built[] = {
#if defined(NONNEG_HAS_NEON)
    &nonneg_vectors_neon,
#else
    &nonneg_vectors_baseline,
#endif
#if defined(NONNEG_HAS_AVX)
    &nonneg_vectors_avx2,
    &nonneg_vectors_avx512,
#endif
};

// What one task does: enough to forget the cost of taking it, and few enough bytes for a level-2 cache. The sums depend
// on it.
constexpr int64_t chunk_entries = int64_t(1) << 15;

struct chunk {
  int64_t group, first, count;
};

struct work {
  const vector_call& call;
  const chunk* chunks;
  double* sums; // most_vector_sums for each chunk

  static void run(void* context, int64_t index, int) {
    const work& self = *static_cast<work*>(context);
    const chunk& part = self.chunks[index];
    const nonneg_vector_kernel& kernel = *self.call.kernel;
    float* arrays[most_vector_arrays];
    for (int a = 0; a < kernel.arrays; a++)
      arrays[a] = self.call.arrays[a] + part.first;
    const double* const scalars = self.call.scalars.data() + part.group * kernel.scalars;
    kernel.run(part.count, arrays, scalars, self.sums + index * most_vector_sums);
  }
};

} // namespace

const nonneg_vector_kernel* find_vector_kernel(const nonneg_vector_isa& isa, const std::string& name) {
  const nonneg_vector_kernel* const end = isa.kernels + isa.count;
  const nonneg_vector_kernel* const found =
      std::find_if(isa.kernels, end, [&](const nonneg_vector_kernel& kernel) { return name == kernel.name; });
  return found == end ? nullptr : found;
}

const nonneg_vector_isa* choose_vectors(const std::string& name, std::string& reason) {
  const nonneg_isa* const chosen = find_isa(name, reason);
  if (!chosen)
    return nullptr;
  for (const nonneg_vector_isa* isa : built) {
    if (strcmp(isa->name, chosen->name) == 0)
      return isa;
  }
  reason = "this build has no vector kernels for " + name;
  return nullptr;
}

status run_vectors(const vector_call& call, const std::atomic<bool>* cancelled, double* sums) {
  const nonneg_vector_kernel& kernel = *call.kernel;
  int64_t count = 0;
  for (int64_t k = 0; k < call.groups(); k++)
    count += (call.bounds[k + 1] - call.bounds[k] + chunk_entries - 1) / chunk_entries;
  buffer<chunk> chunks;
  buffer<double> chunk_sums;
  if (!chunks.allocate(count) || !chunk_sums.allocate(count * most_vector_sums))
    return {status_code::memory, "no memory for the sums of a vector kernel"};
  int64_t made = 0;
  for (int64_t k = 0; k < call.groups(); k++) {
    for (int64_t first = call.bounds[k]; first < call.bounds[k + 1]; first += chunk_entries)
      chunks[made++] = {k, first, std::min(chunk_entries, call.bounds[k + 1] - first)};
  }

  work all = {call, chunks.get(), chunk_sums.get()};
  const flush_denormals flush;
  pool* const threads = call.threads > 1 ? pool::shared() : nullptr;
  if (threads) {
    const pool_turn turn(*threads, cancelled);
    if (!turn.held())
      return {};
    threads->run(call.threads, count, &work::run, &all);
  } else {
    for (int64_t i = 0; i < count; i++)
      work::run(&all, i, 0);
  }

  std::fill_n(sums, call.groups() * kernel.sums, 0.0);
  for (int64_t i = 0; i < count; i++) {
    for (int s = 0; s < kernel.sums; s++)
      sums[chunks[i].group * kernel.sums + s] += chunk_sums[i * most_vector_sums + s];
  }
  return {};
}

} // namespace nonneg
