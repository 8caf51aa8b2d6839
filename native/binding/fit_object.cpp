#include "fit_object.h"

#include "../cpu/cpu_fit.h"
#include "../cpu/dispatch.h"
#include "fit_jobs.h"
#include "fit_options.h"
#include "values.h"

#if defined(NONNEG_HAS_CUDA)
#include "../cuda/cuda.h"
#endif

#include <cmath>
#include <new>

namespace nonneg {

namespace {

std::unique_ptr<fit> make_fit(const std::string& device, const std::string& isa, const fit_shape& shape,
                              status& result) {
  if (device == "cpu") {
    std::string reason;
    const nonneg_isa* const found = find_isa(isa, reason);
    if (found)
      return make_cpu_fit(shape, *found, result);
    result = {status_code::backend, reason};
    return nullptr;
  }
#if defined(NONNEG_HAS_CUDA)
  if (device == "cuda")
    return make_cuda_fit(shape, result);
#endif
  result = {status_code::backend, "this build has no device '" + device + "'"};
  return nullptr;
}

} // namespace

Napi::Value fit_memory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject())
    return refuse(env, option_error, "fitMemory takes an object");
  const Napi::Object options = info[0].As<Napi::Object>();
  fit_shape shape;
  if (!read_fit_shape(options, shape))
    return env.Undefined();
  std::string reason;
  const nonneg_isa* const isa = find_isa(text_of(options.Get("isa")), reason);
  if (!isa)
    return refuse(env, backend_error, reason);
  fit_bytes bytes;
  const status result = bytes_of_cpu_fit(shape, *isa, bytes);
  if (!result.ok())
    return refuse(env, result);
  const Napi::Object answer = Napi::Object::New(env);
  answer.Set("X", bytes.X);
  answer.Set("weights", bytes.weights);
  answer.Set("factors", bytes.factors);
  answer.Set("workspace", bytes.workspace);
  return answer;
}

namespace {

constexpr const char* no_factors = "the factors do not fit the shape of X";
constexpr const char* no_momentum = "the momentum does not fit the shape of X, or the fit does not extrapolate";
constexpr const char* not_accumulated = "numerators and denominators do not fit the shape of X, or the rule has none";
constexpr const char* no_gradient = "the gradient does not fit the shape of X, or the rule keeps none";

Napi::Value over_arrays(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                        const std::vector<array>& arrays, const char* message, arrays_call call) {
  return arrays.empty() ? refuse(info.Env(), shape_error, message) : arrays_job::start(info, state, arrays, call);
}

} // namespace

Napi::Function fit_object::define(Napi::Env env) {
  return DefineClass(env, "NativeFit",
                     {
                         InstanceMethod<&fit_object::upload_dense>("uploadDense"),
                         InstanceMethod<&fit_object::upload_indptr>("uploadIndptr"),
                         InstanceMethod<&fit_object::upload_entries>("uploadEntries"),
                         InstanceMethod<&fit_object::upload_weights>("uploadWeights"),
                         InstanceMethod<&fit_object::upload_entry_weights>("uploadEntryWeights"),
                         InstanceMethod<&fit_object::set_factors>("setFactors"),
                         InstanceMethod<&fit_object::set_momentum>("setMomentum"),
                         InstanceMethod<&fit_object::set_accumulated>("setAccumulated"),
                         InstanceMethod<&fit_object::set_gradient>("setGradient"),
                         InstanceMethod<&fit_object::run>("run"),
                         InstanceMethod<&fit_object::run_batches>("runBatches"),
                         InstanceMethod<&fit_object::evaluate>("evaluate"),
                         InstanceMethod<&fit_object::factors>("factors"),
                         InstanceMethod<&fit_object::momentum>("momentum"),
                         InstanceMethod<&fit_object::accumulated>("accumulated"),
                         InstanceMethod<&fit_object::gradient>("gradient"),
                         InstanceMethod<&fit_object::cancel>("cancel"),
                         InstanceMethod<&fit_object::dispose>("dispose"),
                     });
}

fit_object::fit_object(const Napi::CallbackInfo& info) : Napi::ObjectWrap<fit_object>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) {
    refuse(env, option_error, "NativeFit takes an object");
    return;
  }
  const Napi::Object options = info[0].As<Napi::Object>();
  fit_shape shape;
  if (!read_fit_shape(options, shape))
    return;
  status result;
  std::unique_ptr<fit> device = make_fit(text_of(options.Get("device")), text_of(options.Get("isa")), shape, result);
  if (!device) {
    refuse(env, result);
    return;
  }
  state = std::make_shared<fit_state>();
  state->device = std::move(device);
  state->shape = shape;
  const int64_t entries = shape.nonzeros < 0 ? shape.rows * shape.columns : 4 * shape.nonzeros;
  const int64_t element_bytes = shape.element == element_type::f64 ? 8 : 4;
  const int64_t weighed = shape.weights == weights_kind::dense     ? shape.rows * shape.columns
                          : shape.weights == weights_kind::entries ? 2 * shape.nonzeros
                                                                   : 0;
  const int64_t held = shape.batches ? rows_held_by_batches(shape) : 0;
  const int64_t factors = ((shape.extrapolate ? 3 : 1) * (shape.rows + shape.columns) + held) * shape.rank;
  told_bytes = element_bytes * (entries + weighed + factors);
  Napi::MemoryManagement::AdjustExternalMemory(env, told_bytes);
}

fit_object::~fit_object() {
  let_go();
}

// A running job is cancelled and keeps the memory until it has ended.
void fit_object::let_go() {
  if (!state)
    return;
  if (state->busy)
    state->cancelled.store(true);
  state.reset();
  Napi::MemoryManagement::AdjustExternalMemory(Env(), -told_bytes);
}

bool fit_object::usable(Napi::Env env) const {
  if (!state) {
    refuse(env, disposed_error, "this fit was disposed of");
  } else if (state->busy) {
    refuse(env, backend_error, "another call on this fit is still running");
  }
  return state && !state->busy;
}

bool fit_object::complete(Napi::Env env) const {
  if (!usable(env))
    return false;
  const fit_shape& s = state->shape;
  const bool X = s.nonzeros < 0 ? rows_uploaded == s.rows
                                : indptr_uploaded[0] && indptr_uploaded[1] && entries_uploaded[0] == s.nonzeros &&
                                      entries_uploaded[1] == s.nonzeros;
  const bool weighed = s.weights == weights_kind::dense ? weight_rows_uploaded == s.rows
                       : s.weights == weights_kind::entries
                           ? entry_weights_uploaded[0] == s.nonzeros && entry_weights_uploaded[1] == s.nonzeros
                           : true;
  const char* const missing = !X             ? "X was not uploaded completely"
                              : !weighed     ? "the weights were not uploaded completely"
                              : !factors_set ? "the factors were not set"
                                             : nullptr;
  if (missing)
    refuse(env, backend_error, missing);
  return !missing;
}

// (W, Ht): of the element type, read by the job's thread; their owner must not detach them before the promise is
// settled.
Napi::Value fit_object::set_factors(const Napi::CallbackInfo& info) {
  if (!usable(info.Env()))
    return info.Env().Undefined();
  const std::vector<array> arrays = read_factors(info, state->shape);
  factors_set = factors_set || !arrays.empty();
  return over_arrays(info, state, arrays, no_factors,
                     [](fit& device, const std::vector<array>& a) { return device.set_factors(a[0].data, a[1].data); });
}

// (W, Ht, numbers): as those of setFactors, with a Float64Array.
Napi::Value fit_object::set_momentum(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_momentum(info, state->shape), no_momentum,
                     [](fit& device, const std::vector<array>& a) {
                       return device.set_momentum(a[0].data, a[1].data, static_cast<const double*>(a[2].data));
                     });
}

// (A, B): columns x rank each, as those of setFactors.
Napi::Value fit_object::set_accumulated(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(
      info, state, read_accumulated(info, state->shape), not_accumulated,
      [](fit& device, const std::vector<array>& a) { return device.set_accumulated(a[0].data, a[1].data); });
}

// (D): columns x rank, as those of setFactors.
Napi::Value fit_object::set_gradient(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_gradient(info, state->shape), no_gradient,
                     [](fit& device, const std::vector<array>& a) { return device.set_gradient(a[0].data); });
}

// (iterations, deadline): seconds from now after which no iteration starts, 0 for none.
Napi::Value fit_object::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int64_t iterations = 0;
  double deadline = 0;
  if (!complete(env))
    return env.Undefined();
  if (!read_integer(info[0], 0, iterations) || iterations > INT32_MAX ||
      napi_get_value_double(env, info[1], &deadline) != napi_ok) {
    return refuse(env, option_error, "run takes a number of iterations and a deadline in seconds");
  }
  if (is_for_batches_alone(state->shape.rule))
    return refuse(env, {status_code::unsupported, "this rule is for batches alone"});
  return run_job::start(info, state, int(iterations), deadline);
}

// (batches, deadline): seven numbers for each batch; the deadline as that of run.
Napi::Value fit_object::run_batches(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::vector<batch> batches;
  double deadline = 0;
  if (!complete(env))
    return env.Undefined();
  const fit_shape& s = state->shape;
  if ((s.rule != update_rule::mu && !is_for_batches_alone(s.rule)) || s.extrapolate || s.fixed_h) {
    return refuse(env, {status_code::unsupported,
                        "batches are for the rules mu, sgd and svrmu, without extrapolation, H not fixed"});
  }
  if (!read_batches(info[0], s, batches))
    return refuse(env, shape_error, "a batch of rows that are not there, or with a share, rate or draw that is none");
  if (napi_get_value_double(env, info[1], &deadline) != napi_ok)
    return refuse(env, option_error, "runBatches takes batches and a deadline in seconds");
  return run_batches_job::start(info, state, batches, deadline);
}

// (beta): of the divergence.
Napi::Value fit_object::evaluate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  double beta = 0;
  if (!complete(env))
    return env.Undefined();
  if (napi_get_value_double(env, info[0], &beta) != napi_ok || !std::isfinite(beta))
    return refuse(env, option_error, "evaluate takes a finite beta");
  return evaluate_job::start(info, state, beta);
}

// (W, H): of the element type, that the job's thread writes to.
Napi::Value fit_object::factors(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_factors(info, state->shape), no_factors,
                     [](fit& device, const std::vector<array>& a) { return device.factors(a[0].data, a[1].data); });
}

// (W, H, numbers): as those of factors, with a Float64Array.
Napi::Value fit_object::momentum(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_momentum(info, state->shape), no_momentum,
                     [](fit& device, const std::vector<array>& a) {
                       return device.momentum(a[0].data, a[1].data, static_cast<double*>(a[2].data));
                     });
}

// (A, B): rank x columns each, as those of factors.
Napi::Value fit_object::accumulated(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_accumulated(info, state->shape), not_accumulated,
                     [](fit& device, const std::vector<array>& a) { return device.accumulated(a[0].data, a[1].data); });
}

// (D): rank x columns, as those of factors.
Napi::Value fit_object::gradient(const Napi::CallbackInfo& info) {
  if (!complete(info.Env()))
    return info.Env().Undefined();
  return over_arrays(info, state, read_gradient(info, state->shape), no_gradient,
                     [](fit& device, const std::vector<array>& a) { return device.gradient(a[0].data); });
}

Napi::Value fit_object::cancel(const Napi::CallbackInfo& info) {
  if (state && state->busy)
    state->cancelled.store(true);
  return info.Env().Undefined();
}

Napi::Value fit_object::dispose(const Napi::CallbackInfo& info) {
  let_go();
  return info.Env().Undefined();
}

} // namespace nonneg
