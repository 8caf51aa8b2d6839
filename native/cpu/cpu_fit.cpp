#include "cpu_fit.h"

#include "csr_products.h"
#include "denormals.h"
#include "dense_products.h"
#include "iteration.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>

namespace nonneg {

namespace {

using clock = std::chrono::steady_clock;

// Below this many operations per iteration, waking the threads costs more than they save.
constexpr double fewest_flops_for_threads = 1e6;

class cpu_fit final : public fit {
 public:
  cpu_fit(const fit_shape& shape, const nonneg_kernels& kernels) : shape(shape) {
    f.kernels = &kernels;
    f.rank = (shape.rank + 7) / 8 * 8;
  }

  status allocate();

  status upload_dense(int64_t first, int64_t count, const float* values) override {
    return X->upload_dense(first, count, values);
  }
  status upload_indptr(bool transposed, const uint32_t* indptr) override {
    return X->upload_indptr(transposed, indptr);
  }
  status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                        const float* values) override {
    return X->upload_entries(transposed, first, count, indices, values);
  }
  status set_factors(const float* from_W, const float* from_Ht) override;
  status run(int iterations, const run_controls& controls, run_report& report) override;
  status evaluate(double& loss) override;
  status factors(float* to_W, float* to_H) override;

 private:
  crew crew_for(const std::atomic<bool>* cancelled) const;

  const fit_shape shape;
  operands f;
  std::unique_ptr<products> X;
  std::unique_ptr<iteration> sweep;
  buffer<float> W;
  buffer<float> Ht;
};

status no_memory(double bytes = 0) {
  if (bytes == 0)
    return {status_code::memory, "no memory for this fit"};
  char text[160];
  snprintf(text, sizeof text, "this fit needs %.3g MB of memory, more than the machine gives", bytes / 1e6);
  return {status_code::memory, text};
}

status cpu_fit::allocate() {
  const int64_t rank = f.rank;
  if (shape.nonzeros < 0) {
    X.reset(new (std::nothrow) dense_products(shape.rows, shape.columns, rank, !shape.fixed_h));
  } else {
    X.reset(new (std::nothrow) csr_products(shape.rows, shape.columns, shape.nonzeros, rank));
  }
  if (X)
    sweep.reset(new (std::nothrow) iteration(shape, f, *X));
  if (!sweep)
    return no_memory();
  const double factors = 4 * (double(shape.rows) + double(shape.columns)) * double(rank);
  const double bytes = X->bytes() + sweep->bytes() + factors;
  // an allocation beyond what there is may succeed and fail when it is written to, by a signal
  const double machine = double(physical_memory());
  if (machine > 0 && bytes > machine)
    return no_memory(bytes);
  const bool done = X->allocate().ok() && sweep->allocate() && W.allocate(shape.rows * rank) &&
                    Ht.allocate(shape.columns * rank) && (shape.threads == 1 || pool::shared());
  if (!done)
    return no_memory(bytes);
  f.W = W.get();
  f.Ht = Ht.get();
  return {};
}

void pad(int64_t count, int64_t rank, int64_t padded, const float* from, float* to) {
  for (int64_t i = 0; i < count; i++) {
    memcpy(to + i * padded, from + i * rank, size_t(rank) * sizeof(float));
    memset(to + i * padded + rank, 0, size_t(padded - rank) * sizeof(float));
  }
}

status cpu_fit::set_factors(const float* from_W, const float* from_Ht) {
  pad(shape.rows, shape.rank, f.rank, from_W, W.get());
  pad(shape.columns, shape.rank, f.rank, from_Ht, Ht.get());
  sweep->factors_changed();
  return {};
}

status cpu_fit::factors(float* to_W, float* to_H) {
  for (int64_t i = 0; i < shape.rows; i++) {
    memcpy(to_W + i * shape.rank, W.get() + i * f.rank, size_t(shape.rank) * sizeof(float));
  }
  constexpr int64_t tile = 64;
  for (int64_t j0 = 0; j0 < shape.columns; j0 += tile) {
    const int64_t j1 = std::min(j0 + tile, shape.columns);
    for (int64_t r = 0; r < shape.rank; r++) {
      for (int64_t j = j0; j < j1; j++)
        to_H[r * shape.columns + j] = Ht[j * f.rank + r];
    }
  }
  return {};
}

crew cpu_fit::crew_for(const std::atomic<bool>* cancelled) const {
  crew c;
  c.cancelled = cancelled;
  const double entries = shape.nonzeros < 0 ? double(shape.rows) * double(shape.columns) : double(shape.nonzeros);
  if (shape.threads > 1 && 4 * entries * double(f.rank) >= fewest_flops_for_threads) {
    c.threads = shape.threads;
    c.threads_of = pool::shared();
  }
  return c;
}

status cpu_fit::run(int iterations, const run_controls& controls, run_report& report) {
  const clock::time_point start = clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };
  const flush_denormals flush;
  if (!sweep->prepare())
    return no_memory();
  const crew c = crew_for(controls.cancelled);
  report.stopped = run_stop::done;
  for (int i = 0; i < iterations; i++) {
    if (controls.deadline > 0 && i > 0 && elapsed() >= controls.deadline) {
      report.stopped = run_stop::deadline;
      break;
    }
    if (!sweep->run(c)) {
      report.stopped = run_stop::aborted;
      break;
    }
    try {
      report.losses.push_back(sweep->loss());
      report.seconds.push_back(elapsed());
    } catch (const std::bad_alloc&) {
      return no_memory(16.0 * i);
    }
  }
  return {};
}

status cpu_fit::evaluate(double& result) {
  const flush_denormals flush;
  if (!sweep->prepare())
    return no_memory();
  sweep->measure(crew_for(nullptr)); // nothing can cancel it
  result = sweep->loss();
  return {};
}

} // namespace

std::unique_ptr<fit> make_cpu_fit(const fit_shape& shape, const nonneg_kernels& kernels, status& result) {
  const double longest = double(std::max(shape.rows, shape.columns));
  const double entries = double(shape.rows) * double(shape.columns);
  // beyond this, the sizes below would not fit their integers
  constexpr double most = 1e17;
  if ((shape.nonzeros < 0 && entries > most) || (longest + double(shape.rank)) * (double(shape.rank) + 8) > most) {
    result = no_memory(4 * std::max(entries, longest * double(shape.rank)));
    return nullptr;
  }
  std::unique_ptr<cpu_fit> made(new (std::nothrow) cpu_fit(shape, kernels));
  result = made ? made->allocate() : no_memory();
  if (!result.ok())
    made.reset();
  return made;
}

} // namespace nonneg
