#include "sweep.h"

#include "beta_entries.h"
#include "beta_sweep.h"
#include "beta_tiles.h"
#include "csr_products.h"
#include "dense_products.h"
#include "gram_sweep.h"
#include "sgd_sweep.h"
#include "svrmu_sweep.h"

#include <new>

namespace nonneg {

namespace {

template<class Sweep, class T>
std::unique_ptr<sweep> gram_sweep_of(const fit_shape& shape, const operands<T>& f, const matrix<T>& X) {
  std::unique_ptr<products<T>> of_X;
  if (X.sparse()) {
    of_X.reset(new (std::nothrow) csr_products<T>(X, f.rank));
  } else {
    // batches read their rows of X alone, but for those that a snapshot of all of them precedes
    const bool fuse = !shape.fixed_h && (!shape.batches || shape.rule == update_rule::svrmu);
    of_X.reset(new (std::nothrow) dense_products<T>(X, shape.rank, f, fuse));
  }
  auto for_w = make_gram_rule(shape, factor::W, f);
  auto for_h = make_gram_rule(shape, factor::Ht, f);
  if (!of_X || !for_w || !for_h)
    return nullptr;
  return std::unique_ptr<sweep>(new (std::nothrow)
                                    Sweep(shape, f, std::move(of_X), std::move(for_w), std::move(for_h)));
}

template<class T>
std::unique_ptr<sweep> make_gram_sweep(const fit_shape& shape, const operands<T>& f, const matrix<T>& X) {
  switch (shape.rule) {
  case update_rule::sgd:
    return gram_sweep_of<sgd_sweep<T>>(shape, f, X);
  case update_rule::svrmu:
    return gram_sweep_of<svrmu_sweep<T>>(shape, f, X);
  default:
    return gram_sweep_of<gram_sweep<T>>(shape, f, X);
  }
}

template<class T>
std::unique_ptr<sweep> make_beta_sweep(const fit_shape& shape, const operands<T>& f, const matrix<T>& X,
                                       const weights<T>& V) {
  std::unique_ptr<beta_products<T>> of_X;
  const bool listed =
      shape.weights == weights_kind::entries || (shape.weights == weights_kind::none && shape.beta == 1);
  if (X.sparse() && listed) {
    of_X.reset(new (std::nothrow) beta_entries<T>(shape, f.rank, X, V));
  } else {
    of_X.reset(new (std::nothrow) beta_tiles<T>(shape, f, X, V));
  }
  if (!of_X)
    return nullptr;
  return std::unique_ptr<sweep>(new (std::nothrow) beta_sweep<T>(shape, f, std::move(of_X)));
}

} // namespace

// The families of products are those of familyOf in ts/kernels/beta.ts.
template<class T>
std::unique_ptr<sweep> make_sweep(const fit_shape& shape, const operands<T>& f, const matrix<T>& X,
                                  const weights<T>& V) {
  if (shape.beta == 2 && shape.weights == weights_kind::none)
    return make_gram_sweep(shape, f, X);
  return make_beta_sweep(shape, f, X, V);
}

template std::unique_ptr<sweep> make_sweep(const fit_shape&, const operands<float>&, const matrix<float>&,
                                           const weights<float>&);
template std::unique_ptr<sweep> make_sweep(const fit_shape&, const operands<double>&, const matrix<double>&,
                                           const weights<double>&);

} // namespace nonneg
