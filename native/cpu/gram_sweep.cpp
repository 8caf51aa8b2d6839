#include "gram_sweep.h"

#include <algorithm>
#include <new>

namespace nonneg {

namespace {

// Elements that moving a panel in a batch takes, beside those of the rules for all of X.
int64_t batch_scratch(const fit_shape& shape, int64_t rank, int64_t panel, int64_t of_products) {
  switch (shape.rule) {
  case update_rule::mu:
    return panel;
  case update_rule::sgd:
    return sgd_scratch(rank);
  case update_rule::svrmu: // a second product with X comes first
    return panel + std::max(of_products, svrmu_scratch(rank));
  default:
    return 0;
  }
}

} // namespace

template<class T>
gram_sweep<T>::gram_sweep(const fit_shape& shape, const operands<T>& factors, std::unique_ptr<products<T>> of_X,
                          std::unique_ptr<gram_rule<T>> for_w, std::unique_ptr<gram_rule<T>> for_h)
    : shape(shape), f(factors), X(std::move(of_X)),
      panel_elements(std::max(X->longest_rows(), X->longest_columns()) * f.rank), rule_w(std::move(for_w)),
      rule_h(std::move(for_h)),
      worker_elements((panel_elements +
                       std::max({X->scratch(), rule_w->scratch(), rule_h->scratch(),
                                 batch_scratch(shape, f.rank, panel_elements, X->scratch())}) +
                       15) /
                      16 * 16) {}

template<class T> double gram_sweep<T>::bytes() const {
  const double square = double(f.rank) * double(f.rank);
  const double fixed = shape.fixed_h ? double(shape.rows) * double(f.rank) : 0;
  const double own = (double(most_groups(f.rank)) + 2) * square + fixed;
  return X->bytes() + sizeof(T) * (own + double(shape.threads) * double(worker_elements));
}

template<class T> bool gram_sweep<T>::allocate() {
  const int64_t square = f.rank * f.rank, groups = most_groups(f.rank);
  return X->allocate() && G.allocate(square) && S.allocate(square) &&
         N.allocate(shape.fixed_h ? shape.rows * f.rank : 0) && partial_grams.allocate(groups * square) &&
         partial.allocate(groups) && scratch.allocate(shape.threads * worker_elements);
}

template<class T> bool gram_sweep<T>::prepare() {
  if (prepared)
    return true;
  try {
    row_cut = X->cut_rows();
    column_cut = X->cut_columns();
    steps.admit(row_cut);
    steps.admit(column_cut);
    moved.resize(size_t(std::max(row_cut.panel_count(), column_cut.panel_count())));
  } catch (const std::bad_alloc&) {
    return false;
  }
  prepared = true;
  return true;
}

template<class T> void gram_sweep<T>::factor_changed(factor side) {
  if (side == factor::W)
    return;
  gram_is_current = product_is_current = false;
  X->columns_set();
}

// The groups hold the upper triangle: a slice of rows adds it up in their order, and writes what mirrors it, which no
// other slice does.
template<class T> void gram_sweep<T>::add_partial_grams(const crew& c, const partition& cut, T* total) {
  const int64_t rank = f.rank;
  constexpr int64_t slice = 16;
  const auto add = [&](int64_t index, int) {
    const int64_t begin = index * slice, end = std::min(begin + slice, rank);
    for (int64_t r = begin; r < end; r++) {
      T* const row = total + r * rank;
      memset(row + r, 0, size_t(rank - r) * sizeof(T));
      for (int64_t g = 0; g < cut.group_count(); g++) {
        const T* const part = partial_gram(g) + r * rank;
        for (int64_t s = r; s < rank; s++)
          row[s] += part[s];
      }
      for (int64_t s = r + 1; s < rank; s++)
        total[s * rank + r] = row[s];
    }
  };
  c.run((rank + slice - 1) / slice, add);
}

// Moves rows first … first + count of a factor by all rounds of its rule, but for those that stay, and on from there
// where the fit extrapolates; the violation of the first round.
template<class T> double gram_sweep<T>::move(factor side, int64_t first, int64_t count, const T* N, T* room) {
  const gram_rule<T>& rule = side == factor::W ? *rule_w : *rule_h;
  const T* const gram = side == factor::W ? G.get() : S.get();
  double violation = 0;
  frozen_of(shape, side).over_moving(first, count, [&](int64_t at, int64_t many) {
    T* const rows = rows_of(f, side) + at * f.rank;
    const T* const product = N + (at - first) * f.rank;
    violation += rule.update(many, rows, product, gram, room);
    for (int round = 1; round < f.rounds; round++)
      rule.update(many, rows, product, gram, room);
  });
  move_on(f, shape, side, first, count);
  return violation;
}

template<class T> bool gram_sweep<T>::rows_phase(const crew& c, bool update) {
  const int64_t rank = f.rank;
  const int parts = X->row_parts();
  if (update) {
    rule_w->begin(G.get());
    if (!X->before_rows(f, c, {0, shape.rows}))
      return false;
  }
  const auto move_panel = [&](int64_t first, int64_t count, int worker, scalars& sums) {
    if (!update)
      return true;
    T* const n = scratch_of(worker);
    T* const rest = n + panel_elements;
    // the product is not complete when the job was cancelled meanwhile; W must not see it
    if (!X->rows(f, c, first, count, n, rest))
      return false;
    sums.violation = move(factor::W, first, count, n, rest);
    return true;
  };
  const auto gather = [&](int64_t group, int64_t first, int64_t count, bool opens, int part) {
    X->rows_moved(f, group, opens, first, count, part);
    if (part + 1 == parts)
      f.kernels->half_gram(count, rank, f.W + first * rank, rank, partial_gram(group), rank);
  };
  scalars total;
  if (!over_moving(c, row_cut, parts, total, move_panel, gather))
    return false;
  violation_w = total.violation;
  add_partial_grams(c, row_cut, S.get());
  return true;
}

template<class T> bool gram_sweep<T>::columns_phase(const crew& c, bool update) {
  const int64_t rank = f.rank;
  if (update) {
    gram_is_current = false;
    rule_h->begin(S.get());
  }
  const auto move_panel = [&](int64_t first, int64_t count, int worker, scalars& sums) {
    T* const a = scratch_of(worker);
    T* const rest = a + panel_elements;
    X->columns(f, c, first, count, a, rest);
    // a is not complete when the job was cancelled meanwhile; Ht must not see it
    if (c.stop())
      return false;
    if (update) {
      sums.violation = move(factor::Ht, first, count, a, rest);
      X->columns_moved(f, first, count);
    }
    sums.dot = f.kernels->dot(count * rank, a, f.Ht + first * rank);
    return true;
  };
  const auto gather = [&](int64_t group, int64_t first, int64_t count, bool, int) {
    if (update)
      f.kernels->half_gram(count, rank, f.Ht + first * rank, rank, partial_gram(group), rank);
  };
  scalars total;
  if (!over_moving(c, column_cut, 1, total, move_panel, gather))
    return false;
  product = total.dot;
  violation_h = total.violation;
  if (update) {
    add_partial_grams(c, column_cut, G.get());
    gram_is_current = true;
  }
  return true;
}

// F'F over the rows of this cut.
template<class T> bool gram_sweep<T>::gram_over(const crew& c, const partition& cut, const T* F, T* total) {
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int, scalars&) {
    f.kernels->half_gram(count, f.rank, F + first * f.rank, f.rank, partial_gram(group), f.rank);
  };
  scalars none;
  if (!over(c, cut, none, panel))
    return false;
  add_partial_grams(c, cut, total);
  return true;
}

// In the same panels and order as after an update, so that a run in two parts has the bits of one.
template<class T> bool gram_sweep<T>::gram_of_Ht(const crew& c) {
  gram_is_current = gram_is_current || gram_over(c, column_cut, f.Ht, G.get());
  return gram_is_current;
}

template<class T> bool gram_sweep<T>::fixed_product(const crew& c) {
  if (product_is_current)
    return true;
  if (!X->before_rows(f, c, {0, shape.rows}))
    return false;
  const auto panel = [&](int64_t, int64_t first, int64_t count, bool, int worker, scalars&) {
    X->rows(f, c, first, count, N.get() + first * f.rank, scratch_of(worker) + panel_elements);
  };
  scalars total;
  product_is_current = over(c, row_cut, total, panel);
  return product_is_current;
}

// <X'W, Ht> is <X·Ht, W>.
template<class T> bool gram_sweep<T>::fixed_rows_phase(const crew& c, bool update) {
  if (!fixed_product(c))
    return false;
  const int64_t rank = f.rank;
  if (update)
    rule_w->begin(G.get());
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int worker, scalars& sums) {
    T* const w = f.W + first * rank;
    const T* const n = N.get() + first * rank;
    if (update)
      sums.violation += move(factor::W, first, count, n, scratch_of(worker));
    f.kernels->half_gram(count, rank, w, rank, partial_gram(group), rank);
    sums.dot += f.kernels->dot(count * rank, n, w);
  };
  scalars total;
  if (!over(c, row_cut, total, panel))
    return false;
  product = total.dot;
  violation_w = total.violation;
  add_partial_grams(c, row_cut, S.get());
  return true;
}

template<class T> void gram_sweep<T>::move_rows(const batch&, int64_t first, int64_t count, const T* N, T* room) {
  move(factor::W, first, count, N, room);
}

template<class T>
void gram_sweep<T>::move_columns(const crew&, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                                 scalars&) {
  const int64_t rank = f.rank;
  f.kernels->xht_dense(count, rank, rank, f.Ht + first * rank, rank, S.get(), rank, room, rank);
  move_by_batch(f, shape, b, first, count, N, room, rank, 1);
}

// The rows of a batch move; the loss is theirs after that, by their own norm.
template<class T> bool gram_sweep<T>::batch_rows_phase(const crew& c, const batch& b, batch_plan& plan, double& loss) {
  const int64_t rank = f.rank;
  const bool normed = plan.squared_norm >= 0;
  rule_w->begin(G.get());
  if (!X->before_rows(f, c, {b.first, b.count}))
    return false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int worker, scalars& sums) {
    T* const w = f.W + first * rank;
    T* const n = scratch_of(worker);
    T* const rest = n + panel_elements;
    if (!X->rows(f, c, first, count, n, rest))
      return;
    if (!normed)
      sums.squared_norm += X->squared_norm(f, first, count);
    move_rows(b, first, count, n, rest);
    f.kernels->half_gram(count, rank, w, rank, partial_gram(group), rank);
    sums.dot += f.kernels->dot(count * rank, n, w);
  };
  scalars total;
  if (!over(c, plan.cut, total, panel))
    return false;
  if (!normed)
    plan.squared_norm = total.squared_norm;
  add_partial_grams(c, plan.cut, S.get());
  loss = 0.5 * plan.squared_norm - total.dot + 0.5 * f.kernels->dot(rank * rank, S.get(), G.get());
  return true;
}

// Ht moves by X'W and W'W of the batch's rows.
template<class T> bool gram_sweep<T>::batch_columns_phase(const crew& c, const batch& b, batch_outcome& done) {
  const int64_t rank = f.rank;
  gram_is_current = false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, bool, int worker, scalars& sums) {
    T* const a = scratch_of(worker);
    T* const rest = a + panel_elements;
    X->columns_of(f, c, f.W, {b.first, b.count}, first, count, a, rest);
    if (c.stop())
      return;
    move_columns(c, b, first, count, a, rest, sums);
    X->columns_moved(f, first, count);
    f.kernels->half_gram(count, rank, f.Ht + first * rank, rank, partial_gram(group), rank);
  };
  scalars total;
  if (!over(c, column_cut, total, panel))
    return false;
  done.squared_gradient = total.sums[0];
  done.alignment = total.sums[1];
  add_partial_grams(c, column_cut, G.get());
  gram_is_current = true;
  return true;
}

template<class T> bool gram_sweep<T>::run_batch(const crew& c, const batch& b, batch_outcome& done) {
  const row_range rows = {b.first, b.count};
  batch_plan& plan = plans.of(rows, [&] { return X->cut_batch(rows); });
  return c.turn([&] {
    return gram_of_Ht(c) && before_rows(c, b, done) && batch_rows_phase(c, b, plan, done.loss) &&
           before_columns(c, b, plan.cut, done) && batch_columns_phase(c, b, done);
  });
}

template<class T> bool gram_sweep<T>::both_phases(const crew& c, bool update) {
  return c.turn([&] {
    if (!gram_of_Ht(c))
      return false;
    if (shape.fixed_h)
      return fixed_rows_phase(c, update);
    return rows_phase(c, update) && columns_phase(c, update);
  });
}

template<class T> bool gram_sweep<T>::run(const crew& c) {
  return both_phases(c, true);
}

template<class T> bool gram_sweep<T>::measure(const crew& c) {
  return both_phases(c, false);
}

template<class T> double gram_sweep<T>::loss() const {
  const double approximation = f.kernels->dot(f.rank * f.rank, S.get(), G.get());
  const double half = 0.5 * shape.squared_norm - product + 0.5 * approximation;
  return half < 0 ? 0 : half;
}

template class gram_sweep<float>;
template class gram_sweep<double>;

} // namespace nonneg
