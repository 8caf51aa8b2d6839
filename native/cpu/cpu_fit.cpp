#include "cpu_fit.h"

#include "batch_memory.h"
#include "countable.h"
#include "denormals.h"
#include "dispatch.h"
#include "matrix.h"
#include "momentum.h"
#include "packing.h"
#include "sweep.h"
#include "weights.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace nonneg {

namespace {

using clock = std::chrono::steady_clock;

// Below this many operations per iteration, waking the threads costs more than they save.
constexpr double fewest_flops_for_threads = 1e6;

template<class T> class cpu_fit final : public fit {
 public:
  cpu_fit(const fit_shape& shape, const nonneg_kernels<T>& kernels)
      : shape(shape), X(shape), V(shape), left(this->shape, f) {
    f.kernels = &kernels;
    f.rounds = shape.rounds;
    f.rank = (shape.rank + rank_multiple - 1) / rank_multiple * rank_multiple;
  }

  // Everything but the memory, of which `bytes` then tells.
  bool plan();
  const fit_bytes& bytes() const { return taken; }
  status allocate();

  status upload_dense(int64_t first, int64_t count, const void* values) override {
    return X.upload_dense(first, count, static_cast<const T*>(values));
  }
  status upload_indptr(bool transposed, const uint32_t* indptr) override { return X.upload_indptr(transposed, indptr); }
  status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                        const void* values) override {
    return X.upload_entries(transposed, first, count, indices, static_cast<const T*>(values));
  }
  status upload_weights(int64_t first, int64_t count, const void* values) override {
    return V.upload_rows(first, count, static_cast<const T*>(values));
  }
  status upload_entry_weights(bool transposed, int64_t first, int64_t count, const void* values) override {
    return V.upload_entries(transposed, first, count, static_cast<const T*>(values));
  }
  status set_factors(const void* from_W, const void* from_Ht) override;
  status set_momentum(const void* from_W, const void* from_Ht, const double* numbers) override;
  status set_accumulated(const void* from_A, const void* from_B) override;
  status set_gradient(const void* from) override;
  status run(int iterations, const run_controls& controls, run_report& report) override;
  status run_batches(const std::vector<batch>& batches, const run_controls& controls, run_report& report) override;
  status evaluate(double beta, double& loss) override;
  status factors(void* to_W, void* to_H) override;
  status momentum(void* to_W, void* to_H, double* numbers) override;
  status accumulated(void* to_A, void* to_B) override;
  status gradient(void* to) override;

 private:
  bool allocate_for_batches();
  bool iterate(const crew& c);
  void take(factor side, const void* from, T* to) const { pad(length(side), shape.rank, f.rank, from, to); }
  void give(factor side, const T* from, void* to) const {
    if (side == factor::W) {
      unpad(shape.rows, shape.rank, f.rank, from, to);
    } else {
      unpad_turned(shape.columns, shape.rank, f.rank, from, to);
    }
  }
  int64_t length(factor side) const { return side == factor::W ? shape.rows : shape.columns; }
  crew crew_for(const std::atomic<bool>* cancelled, double share = 1) const;
  status measure(sweep& by, double& loss);

  const fit_shape shape;
  operands<T> f;
  matrix<T> X;
  weights<T> V;
  std::unique_ptr<sweep> iteration;
  buffer<T> W;
  buffer<T> Ht;
  buffer<T> last_W; // where the fit extrapolates: as the last updates left them
  buffer<T> last_Ht;
  buffer<T> held_W; // and as the iteration found them
  buffer<T> held_Ht;
  momentum_control control;
  batch_memory<T> left;
  bool has_left = false;  // batches, or what was set, something in it
  bool refreshed = false; // since the factors were set
  fit_bytes taken;        // of all these
};

status no_batch() {
  return {status_code::backend, "no batch has run on this fit"};
}

// Fits that were not said to run batches do so at the first one.
template<class T> bool cpu_fit<T>::allocate_for_batches() {
  if (left.allocated())
    return true;
  const double more = shape.batches ? 0 : left.bytes();
  if (!machine_has(taken.total() + more) || !left.allocate())
    return false;
  taken.factors += more;
  return true;
}

template<class T> bool cpu_fit<T>::plan() {
  iteration = make_sweep(shape, f, X, V);
  if (!iteration)
    return false;
  const double rows = double(shape.rows) * double(f.rank), columns = double(shape.columns) * double(f.rank);
  const double frozen = shape.frozen_w.bytes() + shape.frozen_h.bytes();
  taken = {X.bytes(), V.bytes(), sizeof(T) * (rows + columns) + frozen, iteration->bytes()};
  if (shape.extrapolate)
    taken.factors += sizeof(T) * (2 * rows + (shape.fixed_h ? 1 : 2) * columns);
  if (shape.batches)
    taken.factors += left.bytes();
  return true;
}

template<class T> status cpu_fit<T>::allocate() {
  if (!plan())
    return no_memory();
  if (!machine_has(taken.total()))
    return no_memory(taken.total());
  const int64_t rows = shape.rows * f.rank, columns = shape.columns * f.rank;
  const int64_t copies = shape.extrapolate ? 1 : 0, undone = shape.fixed_h ? 0 : copies;
  const bool done = X.allocate() && V.allocate() && iteration->allocate() && W.allocate(rows) && Ht.allocate(columns) &&
                    last_W.allocate(copies * rows) && last_Ht.allocate(copies * columns) &&
                    held_W.allocate(copies * rows) && held_Ht.allocate(undone * columns) &&
                    (!shape.batches || allocate_for_batches()) && (shape.threads == 1 || pool::shared());
  if (!done)
    return no_memory(taken.total());
  f.W = W.get();
  f.Ht = Ht.get();
  f.last_W = last_W.get();
  f.last_Ht = last_Ht.get();
  return {};
}

template<class T> status cpu_fit<T>::set_factors(const void* from_W, const void* from_Ht) {
  take(factor::W, from_W, f.W);
  take(factor::Ht, from_Ht, f.Ht);
  iteration->factor_changed(factor::W);
  iteration->factor_changed(factor::Ht);
  control = {};
  has_left = refreshed = false;
  if (shape.extrapolate) {
    copy(shape.rows * f.rank, f.W, f.last_W);
    copy(shape.columns * f.rank, f.Ht, f.last_Ht);
  }
  return {};
}

template<class T> status cpu_fit<T>::set_momentum(const void* from_W, const void* from_Ht, const double* numbers) {
  take(factor::W, from_W, f.last_W);
  take(factor::Ht, from_Ht, f.last_Ht);
  control.restore(numbers);
  return {};
}

template<class T> status cpu_fit<T>::set_accumulated(const void* from_A, const void* from_B) {
  if (!allocate_for_batches())
    return no_memory(taken.total() + left.bytes());
  take(factor::Ht, from_A, f.A);
  take(factor::Ht, from_B, f.B);
  has_left = true;
  return {};
}

template<class T> status cpu_fit<T>::set_gradient(const void* from) {
  take(factor::Ht, from, f.gradient);
  has_left = true;
  return {};
}

template<class T> status cpu_fit<T>::factors(void* to_W, void* to_H) {
  give(factor::W, f.W, to_W);
  give(factor::Ht, f.Ht, to_H);
  return {};
}

template<class T> status cpu_fit<T>::momentum(void* to_W, void* to_H, double* numbers) {
  give(factor::W, f.last_W, to_W);
  give(factor::Ht, f.last_Ht, to_H);
  control.store(numbers);
  return {};
}

template<class T> status cpu_fit<T>::accumulated(void* to_A, void* to_B) {
  if (!has_left)
    return no_batch();
  give(factor::Ht, f.A, to_A);
  give(factor::Ht, f.B, to_B);
  return {};
}

template<class T> status cpu_fit<T>::gradient(void* to) {
  if (!has_left)
    return no_batch();
  give(factor::Ht, f.gradient, to);
  return {};
}

// For work on this share of the rows of X.
template<class T> crew cpu_fit<T>::crew_for(const std::atomic<bool>* cancelled, double share) const {
  crew c;
  c.cancelled = cancelled;
  const double entries = shape.nonzeros < 0 ? double(shape.rows) * double(shape.columns) : double(shape.nonzeros);
  if (shape.threads > 1 && 4 * share * entries * double(f.rank) >= fewest_flops_for_threads) {
    c.threads = shape.threads;
    c.threads_of = pool::shared();
  }
  return c;
}

// One iteration; false when cancelled. Where the fit extrapolates, one that raised the loss is undone and done again,
// and the loss is that of the factors as they are.
template<class T> bool cpu_fit<T>::iterate(const crew& c) {
  if (!shape.extrapolate)
    return iteration->run(c);
  copy(shape.rows * f.rank, f.W, held_W.get());
  if (!shape.fixed_h)
    copy(shape.columns * f.rank, f.Ht, held_Ht.get());
  for (;;) {
    f.weight = control.weight();
    f.rounds = control.rounds(shape.rounds);
    if (!iteration->run(c) || (iteration->loss_lags() && !iteration->measure(c)))
      return false;
    if (control.accepts(iteration->loss()))
      return true;
    copy(shape.rows * f.rank, held_W.get(), f.W);
    iteration->factor_changed(factor::W);
    if (!shape.fixed_h) {
      copy(shape.columns * f.rank, held_Ht.get(), f.Ht);
      iteration->factor_changed(factor::Ht);
    }
  }
}

// An iteration whose loss was still to come when the run was aborted is not reported.
template<class T> status cpu_fit<T>::run(int iterations, const run_controls& controls, run_report& report) {
  const clock::time_point start = clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };
  const flush_denormals flush;
  report = {};
  if (!iteration->prepare())
    return no_memory();
  try {
    for (std::vector<double>* of_each : {&report.losses, &report.violations, &report.seconds})
      of_each->reserve(size_t(std::min(iterations, 1024)));
    const crew c = crew_for(controls.cancelled);
    const bool lags = iteration->loss_lags() && !shape.extrapolate;
    int done = 0;
    for (; done < iterations; done++) {
      if (controls.deadline > 0 && done > 0 && elapsed() >= controls.deadline) {
        report.stopped = run_stop::deadline;
        break;
      }
      if (!iterate(c)) {
        report.stopped = run_stop::aborted;
        break;
      }
      if (!lags || done > 0)
        report.losses.push_back(iteration->loss());
      if (has_violations(shape.rule))
        report.violations.push_back(iteration->violation());
      report.seconds.push_back(elapsed());
    }
    if (lags && done > 0 && report.stopped != run_stop::aborted) {
      if (iteration->measure(c)) {
        report.losses.push_back(iteration->loss());
      } else {
        report.stopped = run_stop::aborted;
      }
    }
    report.seconds.resize(report.losses.size());
    if (has_violations(shape.rule))
      report.violations.resize(report.losses.size());
  } catch (const std::bad_alloc&) {
    return no_memory(24.0 * iterations);
  }
  return {};
}

template<class T>
status cpu_fit<T>::run_batches(const std::vector<batch>& batches, const run_controls& controls, run_report& report) {
  const clock::time_point start = clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };
  const flush_denormals flush;
  report = {};
  if (!iteration->prepare() || !allocate_for_batches())
    return no_memory();
  if (!has_left)
    left.begin();
  has_left = true;
  try {
    report.losses.reserve(batches.size());
    report.seconds.reserve(batches.size());
    if (shape.rule == update_rule::sgd)
      report.steps.reserve(batches.size());
    for (batch b : batches) {
      if (controls.deadline > 0 && !report.losses.empty() && elapsed() >= controls.deadline) {
        report.stopped = run_stop::deadline;
        break;
      }
      b.refresh = is_for_batches_alone(shape.rule) && (b.refresh || !refreshed);
      refreshed = refreshed && !b.refresh; // and not when it is cancelled
      const double share = b.refresh ? 1 : double(b.count) / double(shape.rows);
      batch_outcome done;
      if (!iteration->run_batch(crew_for(controls.cancelled, share), b, done)) {
        report.stopped = run_stop::aborted;
        break;
      }
      refreshed = true;
      report.losses.push_back(std::max(done.loss, 0.0));
      report.seconds.push_back(elapsed());
      if (shape.rule == update_rule::sgd)
        report.steps.push_back(done);
    }
  } catch (const std::bad_alloc&) {
    return no_memory(64.0 * double(batches.size()));
  }
  return {};
}

template<class T> status cpu_fit<T>::measure(sweep& by, double& result) {
  const flush_denormals flush;
  if (!by.prepare())
    return no_memory();
  by.measure(crew_for(nullptr)); // nothing can cancel it
  result = by.loss();
  return {};
}

// Another loss takes a sweep of its own over the same X and factors. It moves nothing, so that the least demanding rule
// will do, and a product with the rows of X alone, as where H is fixed.
template<class T> status cpu_fit<T>::evaluate(double beta, double& result) {
  if (beta == shape.beta)
    return measure(*iteration, result);
  fit_shape other = shape;
  other.beta = beta;
  other.rule = update_rule::mu;
  other.fixed_h = true;
  const std::unique_ptr<sweep> made = make_sweep(other, f, X, V);
  if (!made)
    return no_memory();
  const double together = taken.total() + made->bytes();
  if (!machine_has(together) || !made->allocate())
    return no_memory(together);
  return measure(*made, result);
}

template<class T> std::unique_ptr<fit> make(const fit_shape& shape, const nonneg_kernels<T>& kernels, status& result) {
  std::unique_ptr<cpu_fit<T>> made(new (std::nothrow) cpu_fit<T>(shape, kernels));
  result = made ? made->allocate() : no_memory();
  if (!result.ok())
    made.reset();
  return made;
}

template<class T> status plan(const fit_shape& shape, const nonneg_kernels<T>& kernels, fit_bytes& bytes) {
  cpu_fit<T> fit(shape, kernels);
  if (!fit.plan())
    return no_memory();
  bytes = fit.bytes();
  return {};
}

} // namespace

status bytes_of_cpu_fit(const fit_shape& shape, const nonneg_isa& isa, fit_bytes& bytes) {
  if (!is_countable(shape)) {
    bytes = uncountable_bytes(shape);
    return {};
  }
  return shape.element == element_type::f64 ? plan(shape, isa.f64, bytes) : plan(shape, isa.f32, bytes);
}

std::unique_ptr<fit> make_cpu_fit(const fit_shape& shape, const nonneg_isa& isa, status& result) {
  if (!is_countable(shape)) {
    result = no_memory(uncountable_bytes(shape).total());
    return nullptr;
  }
  return shape.element == element_type::f64 ? make(shape, isa.f64, result) : make(shape, isa.f32, result);
}

} // namespace nonneg
