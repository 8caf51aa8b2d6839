#include "gram_rule.h"

#include <new>

namespace nonneg {

namespace {

template<class T> class mu_rule final : public gram_rule<T> {
 public:
  mu_rule(const penalty& added, const nonneg_kernels<T>& kernels, int64_t rank)
      : l1(T(added.l1)), l2(T(added.l2)), kernels(kernels), rank(rank) {}

  int64_t scratch() const override { return mu_scratch(rank); }
  void begin(const T*) override {}
  double update(int64_t rows, T* F, const T* N, const T* G, T* scratch) const override {
    kernels.mu_update(rows, rank, F, rank, N, rank, G, rank, l1, l2, scratch);
    return 0;
  }

 private:
  const T l1, l2;
  const nonneg_kernels<T>& kernels;
  const int64_t rank;
};

} // namespace

template<class T>
std::unique_ptr<gram_rule<T>> make_gram_rule(update_rule, const penalty& added, const nonneg_kernels<T>& kernels,
                                             int64_t rank) {
  return std::unique_ptr<gram_rule<T>>(new (std::nothrow) mu_rule<T>(added, kernels, rank));
}

template std::unique_ptr<gram_rule<float>> make_gram_rule(update_rule, const penalty&, const nonneg_kernels<float>&,
                                                          int64_t);
template std::unique_ptr<gram_rule<double>> make_gram_rule(update_rule, const penalty&, const nonneg_kernels<double>&,
                                                           int64_t);

} // namespace nonneg
