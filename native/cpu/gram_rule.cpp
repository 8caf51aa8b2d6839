#include "gram_rule.h"

#include <new>

namespace nonneg {

namespace {

template<class T> class mu_rule final : public gram_rule<T> {
 public:
  mu_rule(const penalty& added, const operands<T>& f) : l1(T(added.l1)), l2(T(added.l2)), f(f) {}

  int64_t scratch() const override { return mu_scratch(f.rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    f.kernels->mu_update(rows, f.rank, F, f.rank, N, f.rank, G, f.rank, l1, l2, scratch);
    return 0;
  }

 private:
  const T l1, l2;
  const operands<T>& f;
};

template<class T> class hals_rule final : public gram_rule<T> {
 public:
  hals_rule(const penalty& added, int64_t rank, const operands<T>& f)
      : l1(T(added.l1)), l2(T(added.l2)), rank(rank), f(f) {}

  int64_t scratch() const override { return hals_scratch<T>(rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    return f.kernels->hals_update(rows, rank, F, f.rank, N, f.rank, G, f.rank, l1, l2, scratch);
  }

 private:
  const T l1, l2;
  const int64_t rank;
  const operands<T>& f;
};

// The trace of G bounds the curvature of every row.
template<class T> class pg_rule final : public gram_rule<T> {
 public:
  pg_rule(const penalty& added, double step, int64_t rank, const operands<T>& f)
      : l1(T(added.l1)), l2(T(added.l2)), step(T(step)), rank(rank), f(f) {}

  int64_t scratch() const override { return panel_rows * f.rank; }
  void begin(const T* G) override {
    trace = 0;
    for (int64_t r = 0; r < rank; r++)
      trace += G[r * f.rank + r];
  }
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    double violation = 0;
    for (int64_t first = 0; first < rows; first += panel_rows) {
      const int64_t count = rows - first < panel_rows ? rows - first : panel_rows;
      T* const panel = F + first * f.rank;
      f.kernels->xht_dense(count, f.rank, f.rank, panel, f.rank, G, f.rank, scratch, f.rank);
      violation += f.kernels->pg_step(count, rank, panel, f.rank, N + first * f.rank, f.rank, scratch, f.rank, &trace,
                                      0, step, l1, l2);
    }
    return violation;
  }

 private:
  const T l1, l2;
  const T step;
  const int64_t rank;
  const operands<T>& f;
  T trace = 0;
};

} // namespace

template<class T>
std::unique_ptr<gram_rule<T>> make_gram_rule(const fit_shape& shape, const penalty& added, const operands<T>& f) {
  switch (shape.rule) {
  case update_rule::hals:
    return std::unique_ptr<gram_rule<T>>(new (std::nothrow) hals_rule<T>(added, shape.rank, f));
  case update_rule::pg:
    return std::unique_ptr<gram_rule<T>>(new (std::nothrow) pg_rule<T>(added, shape.step, shape.rank, f));
  default:
    return std::unique_ptr<gram_rule<T>>(new (std::nothrow) mu_rule<T>(added, f));
  }
}

template std::unique_ptr<gram_rule<float>> make_gram_rule(const fit_shape&, const penalty&, const operands<float>&);
template std::unique_ptr<gram_rule<double>> make_gram_rule(const fit_shape&, const penalty&, const operands<double>&);

} // namespace nonneg
