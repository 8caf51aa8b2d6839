#include "sweep.h"

#include "csr_products.h"
#include "dense_products.h"
#include "gram_sweep.h"

#include <new>

namespace nonneg {

template<class T> std::unique_ptr<sweep> make_sweep(const fit_shape& shape, const operands<T>& f, const matrix<T>& X) {
  std::unique_ptr<products<T>> of_X;
  if (X.sparse()) {
    of_X.reset(new (std::nothrow) csr_products<T>(X, f.rank));
  } else {
    of_X.reset(new (std::nothrow) dense_products<T>(X, shape.rank, f, !shape.fixed_h));
  }
  auto for_w = make_gram_rule(shape, shape.penalty_w, f);
  auto for_h = make_gram_rule(shape, shape.penalty_h, f);
  if (!of_X || !for_w || !for_h)
    return nullptr;
  return std::unique_ptr<sweep>(new (std::nothrow)
                                    gram_sweep<T>(shape, f, std::move(of_X), std::move(for_w), std::move(for_h)));
}

template std::unique_ptr<sweep> make_sweep(const fit_shape&, const operands<float>&, const matrix<float>&);
template std::unique_ptr<sweep> make_sweep(const fit_shape&, const operands<double>&, const matrix<double>&);

} // namespace nonneg
