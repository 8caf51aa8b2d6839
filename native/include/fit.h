// One factorisation that lives on a device of the addon: the CPU's thread pool or a CUDA device. The binding knows this
// interface alone. No exception crosses it: calls return a status, and only the binding throws, in JavaScript.
#pragma once

#include "frozen_rows.h"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nonneg {

// The codes are those of the TypeScript layer, without their prefix ERR_NONNEG_.
enum class status_code { ok, memory, device_lost, backend, unsupported };

struct status {
  status_code code = status_code::ok;
  std::string message;
  bool ok() const { return code == status_code::ok; }
};

// What X, the factors and all arithmetic on them are made of.
enum class element_type { f32, f64 };

// How a factor moves: multiplicative update, coordinate descent, a projected gradient step, or to its minimum by block
// principal pivoting; or it becomes the product of X with the other one. Batches also move H by projected stochastic
// gradient steps, as they then move W, and by multiplicative updates of reduced variance. All but the first three for
// the Frobenius loss alone, and all but these and the minimum without weights.
enum class update_rule { mu, hals, pg, bpp, product, sgd, svrmu };

constexpr bool is_for_batches_alone(update_rule rule) {
  return rule == update_rule::sgd || rule == update_rule::svrmu;
}

// Rules that see the rows of X whole, where there is no Gram matrix for all of them.
constexpr bool wants_whole_rows(update_rule rule) {
  return rule == update_rule::hals || rule == update_rule::bpp;
}

constexpr bool has_violations(update_rule rule) {
  return rule == update_rule::hals || rule == update_rule::pg || rule == update_rule::bpp;
}

// What the updates of one factor F heed: l1 * sum of F + l2 / 2 * sum of F's squares is added to the loss, the first
// `moving` components move, and no entry goes above `most`.
struct factor_terms {
  double l1 = 0;
  double l2 = 0;
  int64_t moving = 0;
  double most = HUGE_VAL;
};

// Weights of the entries' losses: one for each entry, one for each listed entry of a sparse X, or a hash of the place.
enum class weights_kind { none, dense, entries, holdout };

// The entries that the hash picks are missing; with `complement` these alone count (ts/kernels/holdout.ts).
struct holdout_choice {
  double fraction = 0;
  uint32_t seed = 0;
  bool complement = false;
};

// How the steps of `sgd` are bounded and disturbed (SgdSpec in ts/backends/backend.ts).
struct sgd_choice {
  double safety = 0;
  double noise = 0;
  uint32_t seed = 0;
  double limit = HUGE_VAL;
};

// X is rows x columns. Dense X is row-major and packed on the device; sparse X comes as CSR together with the CSR of
// its transpose, so that both products gather.
struct fit_shape {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t rank = 0;
  int64_t nonzeros = -1;   // -1: dense
  double squared_norm = 0; // of X, from the caller's float64 scan
  int threads = 1;
  bool fixed_h = false; // iterations update W alone
  element_type element = element_type::f32;
  double beta = 2; // of the divergence: 2 Frobenius, 1 Kullback-Leibler, 0 Itakura-Saito
  update_rule rule = update_rule::mu;
  factor_terms terms_w;
  factor_terms terms_h;
  frozen_rows frozen_w;     // rows of W that stay
  frozen_rows frozen_h;     // rows of Ht
  double step = 1;          // of `pg`
  int rounds = 1;           // applications of the rule to a factor before the other moves
  bool extrapolate = false; // factors move on along their last steps
  bool batches = false;     // the fit will run batches
  sgd_choice sgd;
  double ratio = 1; // of `svrmu`: the share of each update of H that is taken
  weights_kind weights = weights_kind::none;
  holdout_choice holdout;
};

// Rows of the rank that batches keep beside the factors (heldByBatches in ts/backends/memory.ts).
inline int64_t rows_held_by_batches(const fit_shape& shape) {
  switch (shape.rule) {
  case update_rule::sgd:
    return shape.columns;
  case update_rule::svrmu:
    return shape.rows + 2 * shape.columns;
  default:
    return 2 * shape.columns;
  }
}

// Bytes that a fit takes, by purpose.
struct fit_bytes {
  double X = 0;
  double weights = 0;
  double factors = 0; // and what extrapolation and batches keep beside them
  double workspace = 0;

  double total() const { return X + weights + factors + workspace; }
};

// Rows first … first + count - 1 of X and W, and what is done with them (Batch in ts/backends/backend.ts).
struct batch {
  int64_t first = 0;
  int64_t count = 0;
  double keep = 1;
  double rate_w = 0;
  double rate_h = 0;
  uint32_t draw = 0;
  bool refresh = false;
};

// What a batch has done: the loss of its rows, and of `sgd` the lengths of both steps, the sum of H's squared gradient
// and its inner product with that of the batch before.
struct batch_outcome {
  double loss = 0;
  double rate_w = 0;
  double rate_h = 0;
  double squared_gradient = 0;
  double alignment = 0;
};

struct run_controls {
  const std::atomic<bool>* cancelled = nullptr; // looked at between row panels
  double deadline = 0; // seconds from the start of the run; no iteration starts after it; 0: none
};

enum class run_stop { done, aborted, deadline };

struct run_report {
  std::vector<double> losses;       // the divergence of X from W·H after each iteration
  std::vector<double> violations;   // of each iteration: sum of |projected gradient|; empty where the rule has none
  std::vector<double> seconds;      // from the start of the run to the end of each iteration
  std::vector<batch_outcome> steps; // of each batch of `sgd`; empty elsewhere
  run_stop stopped = run_stop::done;
};

// What an extrapolation is controlled by, from one iteration to the next (ts/backends/momentum.ts).
constexpr int momentum_numbers = 6;

// Calls on one fit never overlap. Uploads are synchronous copies of pieces that the caller keeps small; run, evaluate
// and factors are called from a job thread. Arrays that pass as `void` are of the shape's element type.
class fit {
 public:
  virtual ~fit() = default;

  // `count` whole rows from row `first`, packed.
  virtual status upload_dense(int64_t first, int64_t count, const void* values) = 0;

  // The arrays of the CSR (transposed = false) or of the transpose's CSR, in pieces; `first` counts entries.
  virtual status upload_indptr(bool transposed, const uint32_t* indptr) = 0;
  virtual status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                                const void* values) = 0;

  // Where the shape has weights: rows of the matrix of weights, packed, or the weights of the listed entries in the
  // order of upload_entries.
  virtual status upload_weights(int64_t, int64_t, const void*) {
    return {status_code::unsupported, "this device takes no weights"};
  }
  virtual status upload_entry_weights(bool, int64_t, int64_t, const void*) {
    return {status_code::unsupported, "this device takes no weights"};
  }

  // W is rows x rank, Ht is columns x rank, both packed. Extrapolation starts anew.
  virtual status set_factors(const void* W, const void* Ht) = 0;

  // Where the shape extrapolates, after set_factors: the factors as their last updates left them, and the numbers.
  virtual status set_momentum(const void*, const void*, const double*) {
    return {status_code::unsupported, "this device does not extrapolate"};
  }

  virtual status run(int iterations, const run_controls& controls, run_report& report) = 0;

  // Batches in order, each an iteration of the report: the rows of W, then H from their products alone, as
  // Fit.runBatches in ts/backends/backend.ts has it; the losses are those of the rows between the two.
  virtual status run_batches(const std::vector<batch>&, const run_controls&, run_report&) {
    return {status_code::unsupported, "this device has no batches of rows"};
  }

  // The loss of the factors as they are under the divergence of this beta, which need not be the shape's.
  virtual status evaluate(double beta, double& loss) = 0;

  // W is rows x rank, H is rank x columns, both packed.
  virtual status factors(void* W, void* H) = 0;

  // What batches have left of the numerators A and denominators B of H: taken as columns x rank, after set_factors, and
  // given back as rank x columns once there was a batch.
  virtual status set_accumulated(const void*, const void*) {
    return {status_code::unsupported, "this device has no batches of rows"};
  }
  virtual status accumulated(void*, void*) { return {status_code::unsupported, "this device has no batches of rows"}; }

  // The last gradient of H that a batch of `sgd` took a step with, likewise.
  virtual status set_gradient(const void*) { return {status_code::unsupported, "this device has no batches of rows"}; }
  virtual status gradient(void*) { return {status_code::unsupported, "this device has no batches of rows"}; }

  // What set_momentum took or the iterations made of it, H like that of `factors`.
  virtual status momentum(void*, void*, double*) {
    return {status_code::unsupported, "this device does not extrapolate"};
  }
};

} // namespace nonneg
