// The sweep of the Frobenius loss without weights, which never forms W·H: parallel phases, their partial sums, and the
// loss that falls out of them.
//
// Over the groups of rows: W is updated, W'W and (by the products) X'W are gathered. Over the groups of columns: Ht is
// updated, Ht'Ht and <X'W, Ht> are gathered. Where H is fixed, X·Ht is too: it is formed once and X is not read again.
//
// Batches go through the same phases over their rows and over all columns. How the factors move in them the rules for
// batches alone say anew.
#pragma once

#include "chains.h"
#include "gram_rule.h"
#include "memory.h"
#include "products.h"

#include <algorithm>
#include <cstring>

namespace nonneg {

template<class T> class gram_sweep : public sweep {
 public:
  gram_sweep(const fit_shape& shape, const operands<T>& factors, std::unique_ptr<products<T>> X,
             std::unique_ptr<gram_rule<T>> rule_w, std::unique_ptr<gram_rule<T>> rule_h);

  double bytes() const override;
  bool allocate() override;
  bool prepare() override;
  void factor_changed(factor side) override;
  bool run(const crew& c) override;
  bool run_batch(const crew& c, const batch& b, batch_outcome& done) override;
  bool measure(const crew& c) override;
  bool loss_lags() const override { return false; }
  double loss() const override; // by the Gram identity
  double violation() const override { return violation_w + violation_h; }

 protected:
  // What the groups of panels add to a phase's scalars.
  struct scalars {
    double dot = 0;
    double violation = 0;
    double squared_norm = 0; // of a batch's rows
    double sums[2] = {0, 0}; // of a batch's gradient of Ht: its square, and with that of the batch before
    double largest = 0;      // squared norm of a row

    void add(const scalars& more) {
      dot += more.dot;
      violation += more.violation;
      squared_norm += more.squared_norm;
      sums[0] += more.sums[0];
      sums[1] += more.sums[1];
      largest = std::max(largest, more.largest);
    }
  };

  // A batch: what precedes its rows, once G is current, and the move of a panel of them by its products N; what
  // precedes the columns, once S is that of these rows, and the move of a panel of Ht. `room` is for batch_scratch
  // elements. False when cancelled; a panel that is cancelled does not move.
  virtual bool before_rows(const crew&, const batch&, batch_outcome&) { return true; }
  virtual void move_rows(const batch& b, int64_t first, int64_t count, const T* N, T* room);
  virtual bool before_columns(const crew&, const batch&, const partition&, batch_outcome&) { return true; }
  virtual void move_columns(const crew& c, const batch& b, int64_t first, int64_t count, const T* N, T* room,
                            scalars& sums);

  template<class Panel> bool over(const crew& c, const partition& cut, scalars& total, const Panel& panel);
  template<class Move, class Gather>
  bool over_moving(const crew& c, const partition& cut, int parts, scalars& total, const Move& move,
                   const Gather& gather);
  bool gram_over(const crew& c, const partition& cut, const T* F, T* total);
  void add_partial_grams(const crew& c, const partition& cut, T* total);

  T* partial_gram(int64_t group) const { return partial_grams.get() + group * f.rank * f.rank; }
  T* scratch_of(int worker) const { return scratch.get() + worker * worker_elements; }

  const fit_shape shape;
  const operands<T>& f;
  const std::unique_ptr<products<T>> X;
  const int64_t panel_elements; // a panel's product with X
  partition row_cut;
  partition column_cut;
  buffer<T> G; // Ht'Ht
  buffer<T> S; // W'W, or that of a batch's rows

 private:
  double move(factor side, int64_t first, int64_t count, const T* N, T* room);
  bool rows_phase(const crew& c, bool update);
  bool columns_phase(const crew& c, bool update);
  bool fixed_product(const crew& c);
  bool fixed_rows_phase(const crew& c, bool update);
  bool gram_of_Ht(const crew& c);
  bool batch_rows_phase(const crew& c, const batch& b, batch_plan& plan, double& loss);
  bool batch_columns_phase(const crew& c, const batch& b, batch_outcome& done);
  bool both_phases(const crew& c, bool update);

  const std::unique_ptr<gram_rule<T>> rule_w;
  const std::unique_ptr<gram_rule<T>> rule_h;
  const int64_t worker_elements; // a panel's product with X, and what the products and the rules need beside it

  batch_plans plans;
  bool prepared = false;
  bool gram_is_current = false;    // G belongs to Ht
  bool product_is_current = false; // N belongs to Ht
  double product = 0;              // <X'W, Ht>
  double violation_w = 0;
  double violation_h = 0;

  buffer<T> N;                // X·Ht where H is fixed: rows x rank
  buffer<T> partial_grams;    // groups x rank x rank
  buffer<scalars> partial;    // groups
  std::vector<scalars> moved; // panels
  chains steps;
  buffer<T> scratch; // threads x worker_elements
};

// Runs panel(group, first, count, opens, worker, sums) over the cut, a group after another per thread, and adds what
// the panels add to `sums` in the order of the groups.
template<class T>
template<class Panel>
bool gram_sweep<T>::over(const crew& c, const partition& cut, scalars& total, const Panel& panel) {
  const auto group = [&](int64_t g, int worker) {
    memset(partial_gram(g), 0, size_t(f.rank * f.rank) * sizeof(T));
    const int64_t begin = cut.groups[size_t(g)], end = cut.groups[size_t(g) + 1];
    scalars sums;
    for (int64_t p = begin; p < end && !c.stop(); p++) {
      const int64_t first = cut.panels[size_t(p)], count = cut.panels[size_t(p) + 1] - first;
      panel(g, first, count, p == begin, worker, sums);
    }
    partial[g] = sums;
  };
  if (!c.run(cut.group_count(), group))
    return false;
  total = {};
  for (int64_t g = 0; g < cut.group_count(); g++)
    total.add(partial[g]);
  return true;
}

// Moves panels in any order, by move(first, count, worker, sums), which tells whether it was not cancelled, and gathers
// what the groups need of them in theirs, by gather(group, first, count, opens, part). The last part has the Gram
// matrix.
template<class T>
template<class Move, class Gather>
bool gram_sweep<T>::over_moving(const crew& c, const partition& cut, int parts, scalars& total, const Move& move,
                                const Gather& gather) {
  const auto count_of = [&](int64_t p) { return cut.panels[size_t(p) + 1] - cut.panels[size_t(p)]; };
  const auto first_step = [&](int64_t p, int worker) {
    moved[size_t(p)] = {};
    return move(cut.panels[size_t(p)], count_of(p), worker, moved[size_t(p)]);
  };
  const auto second_step = [&](int64_t g, int64_t p, int part) {
    const bool opens = p == cut.groups[size_t(g)];
    if (part + 1 == parts) {
      if (opens) {
        memset(partial_gram(g), 0, size_t(f.rank * f.rank) * sizeof(T));
        partial[g] = {};
      }
      partial[g].add(moved[size_t(p)]);
    }
    gather(g, cut.panels[size_t(p)], count_of(p), opens, part);
  };
  if (!steps.run(c, cut, parts, first_step, second_step))
    return false;
  total = {};
  for (int64_t g = 0; g < cut.group_count(); g++)
    total.add(partial[g]);
  return true;
}

} // namespace nonneg
