#include "fit_jobs.h"

#include <cmath>
#include <cstring>
#include <new>

namespace nonneg {

namespace {

template<class Job, class... Arguments>
Napi::Value begin(const Napi::CallbackInfo& info, const std::vector<napi_value>& keep, const Arguments&... arguments) {
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

std::vector<array> read_pair(const Napi::CallbackInfo& info, const fit_shape& shape, int64_t first, int64_t second) {
  std::vector<array> pair(2);
  const int64_t lengths[] = {first * shape.rank, second * shape.rank};
  for (size_t i = 0; i < 2; i++) {
    array& a = pair[i];
    if (!read_array(info[i], a) || a.type != array_type(shape.element) || a.length != lengths[i])
      return {};
  }
  return pair;
}

} // namespace

std::vector<array> read_factors(const Napi::CallbackInfo& info, const fit_shape& shape) {
  return read_pair(info, shape, shape.rows, shape.columns);
}

std::vector<array> read_momentum(const Napi::CallbackInfo& info, const fit_shape& shape) {
  std::vector<array> arrays = read_factors(info, shape);
  array numbers;
  if (!shape.extrapolate || arrays.empty() || !read_array(info[2], numbers) || numbers.type != napi_float64_array ||
      numbers.length != momentum_numbers)
    return {};
  arrays.push_back(numbers);
  return arrays;
}

std::vector<array> read_accumulated(const Napi::CallbackInfo& info, const fit_shape& shape) {
  return read_pair(info, shape, shape.columns, shape.columns);
}

bool read_batches(Napi::Value value, const fit_shape& shape, std::vector<batch>& out) {
  array from;
  if (!read_array(value, from) || from.type != napi_float64_array || from.length % 3 != 0)
    return false;
  const double* const numbers = static_cast<const double*>(from.data);
  const double rows = double(shape.rows);
  for (int64_t i = 0; i < from.length; i += 3) {
    const double first = numbers[i], count = numbers[i + 1], keep = numbers[i + 2];
    // false for what is no number
    const bool inside = first >= 0 && count >= 1 && first + count <= rows && keep >= 0 && keep <= 1;
    if (!inside || first != std::floor(first) || count != std::floor(count))
      return false;
    out.push_back({int64_t(first), int64_t(count), keep});
  }
  return true;
}

Napi::Value run_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, int iterations,
                           double deadline) {
  return begin<run_job>(info, {info.This()}, state, iterations, deadline);
}

Napi::Value run_batches_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                                   const std::vector<batch>& batches, double deadline) {
  return begin<run_batches_job>(info, {info.This()}, state, batches, deadline);
}

run_controls report_job::controls() const {
  run_controls controls;
  controls.cancelled = &state->cancelled;
  controls.deadline = deadline;
  return controls;
}

napi_value report_job::value(napi_env env) {
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

Napi::Value arrays_job::start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                              const std::vector<array>& arrays, arrays_call call) {
  std::vector<napi_value> keep = {info.This()};
  for (size_t i = 0; i < arrays.size(); i++)
    keep.push_back(info[i]);
  return begin<arrays_job>(info, keep, state, arrays, call);
}

} // namespace nonneg
