#include "fit_jobs.h"

#include <cstring>
#include <new>

namespace nonneg {

namespace {

template<class Job, class... Arguments>
Napi::Value begin(const Napi::CallbackInfo& info, std::initializer_list<napi_value> keep,
                  const Arguments&... arguments) {
  return job::start(info.Env(), std::unique_ptr<job>(new (std::nothrow) Job(arguments...)), keep);
}

napi_value float64_array(napi_env env, const std::vector<double>& values) {
  void* data = nullptr;
  napi_value memory = nullptr, array = nullptr;
  if (napi_create_arraybuffer(env, values.size() * sizeof(double), &data, &memory) != napi_ok)
    return nullptr;
  if (!values.empty())
    memcpy(data, values.data(), values.size() * sizeof(double));
  napi_create_typedarray(env, napi_float64_array, values.size(), memory, 0, &array);
  return array;
}

} // namespace

bool read_factors(const Napi::CallbackInfo& info, const fit_shape& shape, array& W, array& H) {
  const auto fits = [&](array& a, Napi::Value value, int64_t length) {
    return read_array(value, a) && a.type == array_type(shape.element) && a.length == length * shape.rank;
  };
  return fits(W, info[0], shape.rows) && fits(H, info[1], shape.columns);
}

bool read_momentum(const Napi::CallbackInfo& info, const fit_shape& shape, array& W, array& H, array& numbers) {
  return shape.extrapolate && read_factors(info, shape, W, H) && read_array(info[2], numbers) &&
         numbers.type == napi_float64_array && numbers.length == momentum_numbers;
}

Napi::Value run_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, int iterations,
                           double deadline) {
  return begin<run_job>(info, {info.This()}, state, iterations, deadline);
}

status run_job::work() {
  run_controls controls;
  controls.cancelled = &state->cancelled;
  controls.deadline = deadline;
  return state->device->run(iterations, controls, report);
}

napi_value run_job::value(napi_env env) {
  constexpr const char* names[] = {"done", "aborted", "deadline"};
  napi_value result = nullptr, stopped = nullptr;
  if (napi_create_object(env, &result) != napi_ok)
    return nullptr;
  napi_create_string_utf8(env, names[int(report.stopped)], NAPI_AUTO_LENGTH, &stopped);
  napi_set_named_property(env, result, "losses", float64_array(env, report.losses));
  napi_set_named_property(env, result, "violations", float64_array(env, report.violations));
  napi_set_named_property(env, result, "seconds", float64_array(env, report.seconds));
  napi_set_named_property(env, result, "stopped", stopped);
  return result;
}

Napi::Value evaluate_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, double beta) {
  return begin<evaluate_job>(info, {info.This()}, state, beta);
}

napi_value evaluate_job::value(napi_env env) {
  napi_value result = nullptr;
  napi_create_double(env, loss, &result);
  return result;
}

Napi::Value set_factors_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                                   const array& W, const array& Ht) {
  return begin<set_factors_job>(info, {info.This(), info[0], info[1]}, state, W, Ht);
}

Napi::Value factors_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                               const array& H) {
  return begin<factors_job>(info, {info.This(), info[0], info[1]}, state, W, H);
}

Napi::Value set_momentum_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                                    const array& W, const array& Ht, const array& numbers) {
  return begin<set_momentum_job>(info, {info.This(), info[0], info[1], info[2]}, state, W, Ht, numbers);
}

Napi::Value momentum_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                                const array& H, const array& numbers) {
  return begin<momentum_job>(info, {info.This(), info[0], info[1], info[2]}, state, W, H, numbers);
}

} // namespace nonneg
