#include "cpu_fit.h"

#include "csr_products.h"
#include "denormals.h"
#include "dense_products.h"

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
  status prepare();
  crew crew_for(const std::atomic<bool>* cancelled) const;
  bool half_iteration_over_rows(const crew& c, bool update);
  bool half_iteration_over_columns(const crew& c, bool update);
  bool gram_of_Ht(const crew& c);
  bool iterate(const crew& c, bool update_w, bool update_h);
  void add_partial_grams(const crew& c, int64_t groups, float* total);
  double loss() const;

  const fit_shape shape;
  operands f;
  std::unique_ptr<products> X;
  partition rows;
  partition columns;
  int64_t longest_column_panel = 0;
  int64_t worker_floats = 0;
  bool prepared = false;
  bool gram_is_current = false;

  buffer<float> W;
  buffer<float> Ht;
  buffer<float> G;
  buffer<float> S;
  buffer<float> partial_grams; // groups x rank x rank
  buffer<double> partial_dots; // groups
  buffer<float> scratch;       // threads x worker_floats
};

status no_memory(double bytes) {
  char text[160];
  snprintf(text, sizeof text, "this fit needs %.3g MB of memory, more than the machine gives", bytes / 1e6);
  return {status_code::memory, text};
}

status cpu_fit::allocate() {
  const int64_t rank = f.rank;
  const double square = double(rank) * double(rank);
  if (shape.nonzeros < 0) {
    X.reset(new (std::nothrow) dense_products(shape.rows, shape.columns, rank));
  } else {
    X.reset(new (std::nothrow) csr_products(shape.rows, shape.columns, shape.nonzeros, rank));
  }
  if (!X)
    return no_memory(0);
  longest_column_panel = shape.nonzeros < 0 ? panel_length(shape.columns) : NONNEG_PANEL;
  const int64_t groups = most_groups(rank);
  worker_floats = (X->scratch() + longest_column_panel * rank + 15) / 16 * 16;
  const double bytes = X->bytes() + 4 * (double(shape.rows) + double(shape.columns)) * double(rank) +
                       4 * (double(groups) + 2) * square + 4 * double(shape.threads) * double(worker_floats);
  // an allocation beyond what there is may succeed and fail when it is written to, by a signal
  const double machine = double(physical_memory());
  if (machine > 0 && bytes > machine)
    return no_memory(bytes);
  const bool done = X->allocate().ok() && W.allocate(shape.rows * rank) && Ht.allocate(shape.columns * rank) &&
                    G.allocate(rank * rank) && S.allocate(rank * rank) &&
                    partial_grams.allocate(groups * rank * rank) && partial_dots.allocate(groups) &&
                    scratch.allocate(shape.threads * worker_floats) && (shape.threads == 1 || pool::shared());
  if (!done)
    return no_memory(bytes);
  f.W = W.get();
  f.Ht = Ht.get();
  f.G = G.get();
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
  gram_is_current = false;
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

status cpu_fit::prepare() {
  if (prepared)
    return {};
  try {
    rows = X->cut_rows();
    columns = X->cut_columns();
  } catch (const std::bad_alloc&) {
    return no_memory(0);
  }
  prepared = true;
  return {};
}

// Element by element in the order of the groups, so that it may be split over the threads.
void cpu_fit::add_partial_grams(const crew& c, int64_t groups, float* total) {
  const int64_t square = f.rank * f.rank;
  constexpr int64_t slice = 4096;
  const auto add = [&](int64_t index, int) {
    const int64_t begin = index * slice, end = std::min(begin + slice, square);
    memset(total + begin, 0, size_t(end - begin) * sizeof(float));
    for (int64_t g = 0; g < groups; g++) {
      const float* const part = partial_grams.get() + g * square;
      for (int64_t i = begin; i < end; i++)
        total[i] += part[i];
    }
  };
  c.run((square + slice - 1) / slice, add);
}

bool cpu_fit::half_iteration_over_rows(const crew& c, bool update) {
  const int64_t square = f.rank * f.rank;
  if (update && !X->before_rows(f, c))
    return false;
  const auto group = [&](int64_t g, int worker) {
    float* const partial = partial_grams.get() + g * square;
    memset(partial, 0, size_t(square) * sizeof(float));
    for (int64_t p = rows.groups[size_t(g)]; p < rows.groups[size_t(g) + 1] && !c.stop(); p++) {
      const int64_t first = rows.panels[size_t(p)], count = rows.panels[size_t(p) + 1] - first;
      const bool opens = p == rows.groups[size_t(g)];
      if (update) {
        X->update_rows(f, c, g, opens, first, count, partial, scratch.get() + worker * worker_floats);
      } else {
        X->visit_rows(f, g, opens, first, count, partial);
      }
    }
  };
  if (!c.run(rows.group_count(), group))
    return false;
  add_partial_grams(c, rows.group_count(), S.get());
  return true;
}

bool cpu_fit::half_iteration_over_columns(const crew& c, bool update) {
  const int64_t rank = f.rank;
  const int64_t square = rank * rank;
  if (update)
    gram_is_current = false;
  const auto group = [&](int64_t g, int worker) {
    float* const A = scratch.get() + worker * worker_floats;
    float* const rest = A + longest_column_panel * rank;
    float* const partial = partial_grams.get() + g * square;
    if (update)
      memset(partial, 0, size_t(square) * sizeof(float));
    double dot = 0;
    for (int64_t p = columns.groups[size_t(g)]; p < columns.groups[size_t(g) + 1] && !c.stop(); p++) {
      const int64_t first = columns.panels[size_t(p)], count = columns.panels[size_t(p) + 1] - first;
      float* const h = f.Ht + first * rank;
      X->columns(f, c, first, count, A, rest);
      // A is not complete when the job was cancelled meanwhile; Ht must not see it
      if (c.stop())
        return;
      if (update) {
        f.kernels->mu_update(count, rank, h, rank, A, rank, S.get(), rank, rest);
        f.kernels->gram(count, rank, h, rank, partial, rank);
      }
      dot += f.kernels->dot(count * rank, A, h);
    }
    partial_dots[g] = dot;
  };
  if (!c.run(columns.group_count(), group))
    return false;
  if (update) {
    add_partial_grams(c, columns.group_count(), G.get());
    gram_is_current = true;
  }
  return true;
}

// In the same panels and order as after an update, so that a run in two parts has the bits of one.
bool cpu_fit::gram_of_Ht(const crew& c) {
  if (gram_is_current)
    return true;
  const int64_t square = f.rank * f.rank;
  const auto group = [&](int64_t g, int) {
    float* const partial = partial_grams.get() + g * square;
    memset(partial, 0, size_t(square) * sizeof(float));
    for (int64_t p = columns.groups[size_t(g)]; p < columns.groups[size_t(g) + 1]; p++) {
      const int64_t first = columns.panels[size_t(p)], count = columns.panels[size_t(p) + 1] - first;
      f.kernels->gram(count, f.rank, f.Ht + first * f.rank, f.rank, partial, f.rank);
    }
  };
  if (!c.run(columns.group_count(), group))
    return false;
  add_partial_grams(c, columns.group_count(), G.get());
  gram_is_current = true;
  return true;
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

bool cpu_fit::iterate(const crew& c, bool update_w, bool update_h) {
  if (c.stop())
    return false;
  const auto all = [&] {
    return gram_of_Ht(c) && half_iteration_over_rows(c, update_w) && half_iteration_over_columns(c, update_h);
  };
  if (!c.threads_of)
    return all();
  // given back after each iteration, so that several fits take turns
  const pool_turn turn(*c.threads_of, c.cancelled);
  return turn.held() && all();
}

// By the Gram identity: the squared norm of X - W·H without W·H.
double cpu_fit::loss() const {
  double product = 0;
  for (int64_t g = 0; g < columns.group_count(); g++)
    product += partial_dots[g];
  const double approximation = f.kernels->dot(f.rank * f.rank, S.get(), G.get());
  const double half = 0.5 * shape.squared_norm - product + 0.5 * approximation;
  return half < 0 ? 0 : half;
}

status cpu_fit::run(int iterations, const run_controls& controls, run_report& report) {
  const clock::time_point start = clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };
  const flush_denormals flush;
  const status ready = prepare();
  if (!ready.ok())
    return ready;
  const crew c = crew_for(controls.cancelled);
  report.stopped = run_stop::done;
  for (int i = 0; i < iterations; i++) {
    if (controls.deadline > 0 && i > 0 && elapsed() >= controls.deadline) {
      report.stopped = run_stop::deadline;
      break;
    }
    if (!iterate(c, true, !shape.fixed_h)) {
      report.stopped = run_stop::aborted;
      break;
    }
    try {
      report.losses.push_back(loss());
      report.seconds.push_back(elapsed());
    } catch (const std::bad_alloc&) {
      return no_memory(16.0 * i);
    }
  }
  return {};
}

status cpu_fit::evaluate(double& result) {
  const flush_denormals flush;
  const status ready = prepare();
  if (!ready.ok())
    return ready;
  iterate(crew_for(nullptr), false, false);
  result = loss();
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
  result = made ? made->allocate() : no_memory(0);
  if (!result.ok())
    made.reset();
  return made;
}

} // namespace nonneg
