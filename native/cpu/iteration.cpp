#include "iteration.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace nonneg {

iteration::iteration(const fit_shape& shape, operands& factors, products& X)
    : shape(shape), f(factors), X(X),
      longest_column_panel(shape.nonzeros < 0 ? panel_length(shape.columns) : NONNEG_PANEL),
      worker_floats((X.scratch() + longest_column_panel * factors.rank + 15) / 16 * 16) {}

double iteration::bytes() const {
  const double square = double(f.rank) * double(f.rank);
  const double fixed = shape.fixed_h ? double(shape.rows) * double(f.rank) : 0;
  return 4 * ((double(most_groups(f.rank)) + 2) * square + fixed + double(shape.threads) * double(worker_floats));
}

bool iteration::allocate() {
  const int64_t square = f.rank * f.rank, groups = most_groups(f.rank);
  const bool done = G.allocate(square) && S.allocate(square) && N.allocate(shape.fixed_h ? shape.rows * f.rank : 0) &&
                    partial_grams.allocate(groups * square) && partial_dots.allocate(groups) &&
                    scratch.allocate(shape.threads * worker_floats);
  f.G = G.get();
  return done;
}

bool iteration::prepare() {
  if (prepared)
    return true;
  try {
    rows = X.cut_rows();
    columns = X.cut_columns();
  } catch (const std::bad_alloc&) {
    return false;
  }
  prepared = true;
  return true;
}

void iteration::factors_changed() {
  gram_is_current = product_is_current = false;
}

// Runs panel(group, first, count, opens, worker) over the cut, a group after another per thread; its return value is
// what the panel adds to the group's inner product.
template<class Panel> bool iteration::over(const crew& c, const partition& cut, const Panel& panel) {
  const auto group = [&](int64_t g, int worker) {
    memset(partial_gram(g), 0, size_t(f.rank * f.rank) * sizeof(float));
    const int64_t begin = cut.groups[size_t(g)], end = cut.groups[size_t(g) + 1];
    double dot = 0;
    for (int64_t p = begin; p < end && !c.stop(); p++) {
      const int64_t first = cut.panels[size_t(p)], count = cut.panels[size_t(p) + 1] - first;
      dot += panel(g, first, count, p == begin, worker);
    }
    partial_dots[g] = dot;
  };
  dots = cut.group_count();
  return c.run(dots, group);
}

// Element by element in the order of the groups, so that it may be split over the threads.
void iteration::add_partial_grams(const crew& c, const partition& cut, float* total) {
  const int64_t square = f.rank * f.rank;
  constexpr int64_t slice = 4096;
  const auto add = [&](int64_t index, int) {
    const int64_t begin = index * slice, end = std::min(begin + slice, square);
    memset(total + begin, 0, size_t(end - begin) * sizeof(float));
    for (int64_t g = 0; g < cut.group_count(); g++) {
      const float* const part = partial_gram(g);
      for (int64_t i = begin; i < end; i++)
        total[i] += part[i];
    }
  };
  c.run((square + slice - 1) / slice, add);
}

bool iteration::rows_phase(const crew& c, bool update) {
  if (update && !X.before_rows(f, c))
    return false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool opens, int worker) {
    if (update) {
      X.update_rows(f, c, group, opens, first, count, partial_gram(group), scratch_of(worker));
    } else {
      X.visit_rows(f, group, opens, first, count, partial_gram(group));
    }
    return 0.0;
  };
  if (!over(c, rows, panel))
    return false;
  add_partial_grams(c, rows, S.get());
  return true;
}

bool iteration::columns_phase(const crew& c, bool update) {
  const int64_t rank = f.rank;
  if (update)
    gram_is_current = false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int worker) {
    float* const A = scratch_of(worker);
    float* const rest = A + longest_column_panel * rank;
    float* const h = f.Ht + first * rank;
    X.columns(f, c, first, count, A, rest);
    // A is not complete when the job was cancelled meanwhile; Ht must not see it
    if (c.stop())
      return 0.0;
    if (update) {
      f.kernels->mu_update(count, rank, h, rank, A, rank, S.get(), rank, rest);
      f.kernels->gram(count, rank, h, rank, partial_gram(group), rank);
    }
    return f.kernels->dot(count * rank, A, h);
  };
  if (!over(c, columns, panel))
    return false;
  if (update) {
    add_partial_grams(c, columns, G.get());
    gram_is_current = true;
  }
  return true;
}

// In the same panels and order as after an update, so that a run in two parts has the bits of one.
bool iteration::gram_of_Ht(const crew& c) {
  if (gram_is_current)
    return true;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int) {
    f.kernels->gram(count, f.rank, f.Ht + first * f.rank, f.rank, partial_gram(group), f.rank);
    return 0.0;
  };
  if (!over(c, columns, panel))
    return false;
  add_partial_grams(c, columns, G.get());
  gram_is_current = true;
  return true;
}

bool iteration::fixed_product(const crew& c) {
  if (product_is_current)
    return true;
  if (!X.before_rows(f, c))
    return false;
  const auto panel = [&](int64_t, int64_t first, int64_t count, bool, int worker) {
    X.product(f, c, first, count, N.get() + first * f.rank, scratch_of(worker));
    return 0.0;
  };
  product_is_current = over(c, rows, panel);
  return product_is_current;
}

// <X'W, Ht> is <X·Ht, W>.
bool iteration::fixed_rows_phase(const crew& c, bool update) {
  if (!fixed_product(c))
    return false;
  const int64_t rank = f.rank;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int worker) {
    float* const w = f.W + first * rank;
    const float* const n = N.get() + first * rank;
    if (update)
      f.kernels->mu_update(count, rank, w, rank, n, rank, f.G, rank, scratch_of(worker));
    f.kernels->gram(count, rank, w, rank, partial_gram(group), rank);
    return f.kernels->dot(count * rank, n, w);
  };
  if (!over(c, rows, panel))
    return false;
  add_partial_grams(c, rows, S.get());
  return true;
}

bool iteration::both_phases(const crew& c, bool update) {
  if (c.stop())
    return false;
  const auto all = [&] {
    if (!gram_of_Ht(c))
      return false;
    if (shape.fixed_h)
      return fixed_rows_phase(c, update);
    return rows_phase(c, update) && columns_phase(c, update);
  };
  if (!c.threads_of)
    return all();
  // given back after each iteration, so that several fits take turns
  const pool_turn turn(*c.threads_of, c.cancelled);
  return turn.held() && all();
}

bool iteration::run(const crew& c) {
  return both_phases(c, true);
}

bool iteration::measure(const crew& c) {
  return both_phases(c, false);
}

double iteration::loss() const {
  double product = 0;
  for (int64_t g = 0; g < dots; g++)
    product += partial_dots[g];
  const double approximation = f.kernels->dot(f.rank * f.rank, S.get(), G.get());
  const double half = 0.5 * shape.squared_norm - product + 0.5 * approximation;
  return half < 0 ? 0 : half;
}

} // namespace nonneg
