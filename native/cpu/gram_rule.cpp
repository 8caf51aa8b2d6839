#include "gram_rule.h"

#include <cstring>
#include <new>

namespace nonneg {

namespace {

template<class T> class mu_rule final : public gram_rule<T> {
 public:
  mu_rule(const update_terms<T>& terms, const operands<T>& f) : terms(terms), f(f) {}

  int64_t scratch() const override { return mu_scratch(f.rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    f.kernels->mu_update(rows, f.rank, F, f.rank, N, f.rank, G, f.rank, terms, scratch);
    return 0;
  }

 private:
  const update_terms<T> terms;
  const operands<T>& f;
};

template<class T> class hals_rule final : public gram_rule<T> {
 public:
  hals_rule(const update_terms<T>& terms, int64_t rank, const operands<T>& f) : terms(terms), rank(rank), f(f) {}

  int64_t scratch() const override { return hals_scratch<T>(rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    return f.kernels->hals_update(rows, rank, F, f.rank, N, f.rank, G, f.rank, terms, scratch);
  }

 private:
  const update_terms<T> terms;
  const int64_t rank;
  const operands<T>& f;
};

// The trace of G bounds the curvature of every row.
template<class T> class pg_rule final : public gram_rule<T> {
 public:
  pg_rule(const update_terms<T>& terms, double step, int64_t rank, const operands<T>& f)
      : terms(terms), step(T(step)), rank(rank), f(f) {}

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
                                      0, step, terms);
    }
    return violation;
  }

 private:
  const update_terms<T> terms;
  const T step;
  const int64_t rank;
  const operands<T>& f;
  T trace = 0;
};

template<class T> class bpp_rule final : public gram_rule<T> {
 public:
  bpp_rule(const update_terms<T>& terms, int64_t rank, const operands<T>& f) : terms(terms), rank(rank), f(f) {}

  int64_t scratch() const override { return int64_t(sizeof(double) / sizeof(T)) * bpp_scratch(rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    return f.kernels->bpp_update(rows, rank, F, f.rank, N, f.rank, G, f.rank, terms,
                                 reinterpret_cast<double*>(scratch));
  }

 private:
  const update_terms<T> terms;
  const int64_t rank;
  const operands<T>& f;
};

template<class T> class product_rule final : public gram_rule<T> {
 public:
  explicit product_rule(const operands<T>& f) : f(f) {}

  int64_t scratch() const override { return 0; }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T*, T*) const override {
    memcpy(F, N, size_t(rows * f.rank) * sizeof(T));
    return 0;
  }

 private:
  const operands<T>& f;
};

} // namespace

template<class T>
std::unique_ptr<gram_rule<T>> make_gram_rule(const fit_shape& shape, factor side, const operands<T>& f) {
  using rule = std::unique_ptr<gram_rule<T>>;
  const factor_terms& terms = terms_of(shape, side);
  const auto of_rank = [&](int64_t rank) { return terms_for<T>(terms, shape, rank); };
  switch (shape.rule) {
  case update_rule::hals:
    return rule(new (std::nothrow) hals_rule<T>(of_rank(shape.rank), shape.rank, f));
  case update_rule::pg:
    return rule(new (std::nothrow) pg_rule<T>(of_rank(shape.rank), shape.step, shape.rank, f));
  case update_rule::bpp:
    return rule(new (std::nothrow) bpp_rule<T>(of_rank(shape.rank), shape.rank, f));
  case update_rule::product:
    return rule(new (std::nothrow) product_rule<T>(f));
  default:
    return rule(new (std::nothrow) mu_rule<T>(of_rank(f.rank), f));
  }
}

template std::unique_ptr<gram_rule<float>> make_gram_rule(const fit_shape&, factor, const operands<float>&);
template std::unique_ptr<gram_rule<double>> make_gram_rule(const fit_shape&, factor, const operands<double>&);

} // namespace nonneg
