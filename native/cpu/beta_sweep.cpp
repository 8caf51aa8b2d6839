#include "beta_sweep.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace nonneg {

namespace {

// Under which the multiplicative update cannot raise the loss (updateExponent in ts/kernels/beta.ts).
double update_exponent(double beta) {
  if (beta < 1)
    return 1 / (2 - beta);
  return beta > 2 ? 1 / (beta - 1) : 1;
}

constexpr int64_t round_up(int64_t elements) {
  return (elements + 15) / 16 * 16;
}

} // namespace

template<class T>
beta_sweep<T>::beta_sweep(const fit_shape& shape, const operands<T>& factors, std::unique_ptr<beta_products<T>> of_X)
    : shape(shape), f(factors), X(std::move(of_X)), shared_push(shape.beta == 1 && shape.weights == weights_kind::none),
      exponent(update_exponent(shape.beta)) {}

// Of both halves of a panel's gradient and the bounds of its curvature.
template<class T> int64_t beta_sweep<T>::gradient_elements() const {
  const int64_t panel = X->longest_panel();
  return round_up(2 * panel * f.rank + panel);
}

template<class T> double beta_sweep<T>::bytes() const {
  const double norms = shape.rule == update_rule::pg ? double(shape.rows) + double(shape.columns) : 0;
  const double worker = 2 * double(X->longest_panel()) * double(f.rank) + double(X->scratch());
  return X->bytes() + sizeof(T) * (norms + double(shape.threads) * worker) +
         sizeof(double) * double(most_groups(f.rank)) * double(f.rank);
}

template<class T> bool beta_sweep<T>::allocate() {
  for (const factor side : {factor::W, factor::Ht}) {
    facts& k = of(side);
    if (!k.sums.allocate(f.rank) || !k.narrow_sums.allocate(f.rank) ||
        !k.norms.allocate(shape.rule == update_rule::pg ? length(side) : 0))
      return false;
  }
  const int64_t groups = most_groups(f.rank);
  return X->allocate() && partial_sums.allocate(groups * f.rank) && partial.allocate(groups);
}

template<class T> bool beta_sweep<T>::prepare() {
  if (prepared)
    return true;
  if (!X->prepare())
    return false;
  try {
    for (const factor side : {factor::W, factor::Ht})
      of(side).cut = X->cut(side);
  } catch (const std::bad_alloc&) {
    return false;
  }
  worker_elements = gradient_elements() + round_up(X->scratch());
  prepared = scratch.allocate(shape.threads * worker_elements);
  return prepared;
}

template<class T> void beta_sweep<T>::factor_changed(factor side) {
  of(side).current = false;
}

// Runs panel(group, first, count, worker, sums) over the cut, a group after another per thread, and adds what the
// panels add to `sums` in the order of the groups.
template<class T>
template<class Panel>
bool beta_sweep<T>::over(const crew& c, const partition& cut, scalars& total, const Panel& panel) {
  const auto group = [&](int64_t g, int worker) {
    memset(partial_sums.get() + g * f.rank, 0, size_t(f.rank) * sizeof(double));
    scalars sums;
    for (int64_t p = cut.groups[size_t(g)]; p < cut.groups[size_t(g) + 1] && !c.stop(); p++) {
      const int64_t first = cut.panels[size_t(p)];
      panel(g, first, cut.panels[size_t(p) + 1] - first, worker, sums);
    }
    partial[g] = sums;
  };
  if (!c.run(cut.group_count(), group))
    return false;
  total = {};
  for (int64_t g = 0; g < cut.group_count(); g++) {
    total.loss += partial[g].loss;
    total.violation += partial[g].violation;
  }
  return true;
}

// What is to be known of rows first … first + count of a factor that have moved.
template<class T> void beta_sweep<T>::note(factor side, int64_t group, int64_t first, int64_t count) {
  const T* const rows = rows_of(f, side) + first * f.rank;
  double* const sums = partial_sums.get() + group * f.rank;
  for (int64_t i = 0; i < count; i++) {
    for (int64_t r = 0; r < f.rank; r++)
      sums[r] += double(rows[i * f.rank + r]);
  }
  if (shape.rule == update_rule::pg) {
    T* const norms = of(side).norms.get() + first;
    for (int64_t i = 0; i < count; i++)
      norms[i] = T(f.kernels->dot(f.rank, rows + i * f.rank, rows + i * f.rank));
  }
  X->moved(f, side, first, count);
}

template<class T> void beta_sweep<T>::add_sums(factor side, const partition& cut) {
  facts& k = of(side);
  for (int64_t r = 0; r < f.rank; r++) {
    double sum = 0;
    for (int64_t g = 0; g < cut.group_count(); g++)
      sum += partial_sums[g * f.rank + r];
    k.sums[r] = sum;
    k.narrow_sums[r] = T(sum);
  }
  k.current = true;
}

template<class T> bool beta_sweep<T>::know(const crew& c, factor side) {
  if (of(side).current)
    return true;
  scalars total;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, int, scalars&) {
    note(side, group, first, count);
  };
  if (!over(c, of(side).cut, total, panel))
    return false;
  add_sums(side, of(side).cut);
  return true;
}

// Moves the panel's rows, but for those that are frozen; false when cancelled: then all stay.
template<class T> bool beta_sweep<T>::move(const crew& c, const panel_of<T>& given, double& violation) {
  const int64_t rank = f.rank, panel = X->longest_panel();
  const facts& of_other = of(other(given.side));
  T* const N = given.scratch;
  T* const P = N + panel * rank;
  T* const L = P + panel * rank;
  panel_of<T> p = given;
  p.scratch = N + gradient_elements();
  const T* const sums = of_other.narrow_sums.get();
  if (wants_whole_rows(shape.rule))
    return X->descend(f, c, p, sums, violation);
  gradient<T> g;
  g.N = N;
  g.P = shared_push ? nullptr : P;
  if (shape.rule == update_rule::pg) {
    g.L = L;
    g.norms = of_other.norms.get();
  }
  if (!X->form(f, c, p, g))
    return false;
  const int64_t ldp = shared_push ? 0 : rank;
  const update_terms<T> terms = terms_for<T>(terms_of(shape, p.side), shape, rank);
  frozen_of(shape, p.side).over_moving(p.first, p.count, [&](int64_t first, int64_t count) {
    const int64_t further = first - p.first;
    T* const rows = rows_of(f, p.side) + first * rank;
    const T* const pull = N + further * rank;
    const T* const push = shared_push ? sums : P + further * rank;
    if (shape.rule == update_rule::mu) {
      f.kernels->mu_ratio(count, rank, rows, rank, pull, rank, push, ldp, exponent, terms);
    } else {
      violation +=
          f.kernels->pg_step(count, rank, rows, rank, pull, rank, push, ldp, L + further, 1, T(shape.step), terms);
    }
  });
  return true;
}

// All of one update: the loss and the violation are those of the first round. False when cancelled.
template<class T> bool beta_sweep<T>::move_in_rounds(const crew& c, const panel_of<T>& given, double& violation) {
  if (!move(c, given, violation))
    return false;
  panel_of<T> p = given;
  p.loss = nullptr;
  double later = 0;
  for (int round = 1; round < f.rounds; round++) {
    X->moved(f, p.side, p.first, p.count);
    if (!move(c, p, later))
      return false;
  }
  move_on(f, shape, p.side, p.first, p.count);
  return true;
}

// Of the entries of W·H, where the loss that the products give leaves it out.
template<class T> double beta_sweep<T>::sum_of_model() const {
  double sum = 0;
  for (int64_t r = 0; X->loss_without_sum() && r < f.rank; r++)
    sum += known[0].sums[r] * known[1].sums[r];
  return sum;
}

template<class T> bool beta_sweep<T>::phase(const crew& c, factor side, bool update, bool with_loss) {
  const double whole = with_loss ? sum_of_model() : 0;
  if (update)
    of(side).current = false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, int worker, scalars& sums) {
    panel_of<T> p = {side, first, count, with_loss ? &sums.loss : nullptr, scratch.get() + worker * worker_elements};
    if (!update) {
      p.scratch += gradient_elements();
      X->form(f, c, p, {});
    } else if (move_in_rounds(c, p, sums.violation)) {
      note(side, group, first, count);
    }
  };
  scalars total;
  if (!over(c, of(side).cut, total, panel))
    return false;
  if (with_loss)
    last_loss = total.loss + whole;
  if (update) {
    last_violation += total.violation;
    add_sums(side, of(side).cut);
  }
  return true;
}

template<class T> bool beta_sweep<T>::run(const crew& c) {
  return c.turn([&] {
    last_violation = 0;
    if (!know(c, factor::Ht) || !know(c, factor::W) || !phase(c, factor::W, true, true))
      return false;
    return shape.fixed_h || phase(c, factor::Ht, true, false);
  });
}

// The rows of a batch move; what is known of W is then of these rows alone.
template<class T> bool beta_sweep<T>::batch_rows_phase(const crew& c, const row_range& rows) {
  const partition& cut = plans.of(rows, [&] { return X->cut_batch(rows); }).cut;
  of(factor::W).current = false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, int worker, scalars& sums) {
    const panel_of<T> p = {factor::W, first, count, nullptr, scratch.get() + worker * worker_elements};
    if (move_in_rounds(c, p, sums.violation))
      note(factor::W, group, first, count);
  };
  scalars total;
  if (!over(c, cut, total, panel))
    return false;
  add_sums(factor::W, cut);
  of(factor::W).current = false;
  return true;
}

// Ht moves by what the batch's rows say of it; their loss falls out of the same models.
template<class T> bool beta_sweep<T>::batch_columns_phase(const crew& c, const batch& b, double& loss) {
  const row_range rows = {b.first, b.count};
  const double whole = sum_of_model();
  of(factor::Ht).current = false;
  const auto panel = [&](int64_t group, int64_t first, int64_t count, int worker, scalars& sums) {
    T* const N = scratch.get() + worker * worker_elements;
    T* const P = N + X->longest_panel() * f.rank;
    const panel_of<T> p = {factor::Ht, first, count, &sums.loss, N + gradient_elements(), &rows};
    gradient<T> g;
    g.N = N;
    g.P = shared_push ? nullptr : P;
    if (!X->form(f, c, p, g))
      return;
    const T* const push = shared_push ? of(factor::W).narrow_sums.get() : P;
    move_by_batch(f, shape, b, first, count, N, push, shared_push ? 0 : f.rank, exponent);
    note(factor::Ht, group, first, count);
  };
  scalars total;
  if (!over(c, of(factor::Ht).cut, total, panel))
    return false;
  loss = total.loss + whole;
  add_sums(factor::Ht, of(factor::Ht).cut);
  return true;
}

template<class T> bool beta_sweep<T>::run_batch(const crew& c, const batch& b, batch_outcome& done) {
  return c.turn([&] {
    return know(c, factor::Ht) && batch_rows_phase(c, {b.first, b.count}) && batch_columns_phase(c, b, done.loss);
  });
}

template<class T> bool beta_sweep<T>::measure(const crew& c) {
  return c.turn([&] { return know(c, factor::Ht) && know(c, factor::W) && phase(c, factor::W, false, true); });
}

template class beta_sweep<float>;
template class beta_sweep<double>;

} // namespace nonneg
