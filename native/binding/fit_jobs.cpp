#include "fit_jobs.h"

#include <cmath>
#include <cstring>
#include <new>
#include <utility>

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

// Arrays of the element type, of so many rows of the rank each.
std::vector<array> read_arrays(const Napi::CallbackInfo& info, const fit_shape& shape,
                               const std::vector<int64_t>& rows) {
  std::vector<array> arrays(rows.size());
  for (size_t i = 0; i < rows.size(); i++) {
    array& a = arrays[i];
    if (!read_array(info[i], a) || a.type != array_type(shape.element) || a.length != rows[i] * shape.rank)
      return {};
  }
  return arrays;
}

bool is_whole(double number, double lowest, double highest) {
  return number >= lowest && number <= highest && number == std::floor(number);
}

} // namespace

std::vector<array> read_factors(const Napi::CallbackInfo& info, const fit_shape& shape) {
  return read_arrays(info, shape, {shape.rows, shape.columns});
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
  if (shape.rule != update_rule::mu)
    return {};
  return read_arrays(info, shape, {shape.columns, shape.columns});
}

std::vector<array> read_gradient(const Napi::CallbackInfo& info, const fit_shape& shape) {
  if (shape.rule != update_rule::sgd)
    return {};
  return read_arrays(info, shape, {shape.columns});
}

bool read_batches(Napi::Value value, const fit_shape& shape, std::vector<batch>& out) {
  constexpr int64_t members = 7;
  array from;
  if (!read_array(value, from) || from.type != napi_float64_array || from.length % members != 0)
    return false;
  const double rows = double(shape.rows);
  out.reserve(size_t(from.length / members));
  for (int64_t i = 0; i < from.length; i += members) {
    const double* const n = static_cast<const double*>(from.data) + i;
    // false for what is no number
    const bool inside = is_whole(n[0], 0, rows) && is_whole(n[1], 1, rows - n[0]) && n[2] >= 0 && n[2] <= 1;
    if (!inside || !(n[3] >= 0) || !(n[4] >= 0) || !is_whole(n[5], 0, INT32_MAX))
      return false;
    out.push_back({int64_t(n[0]), int64_t(n[1]), n[2], n[3], n[4], uint32_t(n[5]), n[6] != 0});
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
  if (state->shape.rule == update_rule::sgd)
    napi_set_named_property(env, result, "steps", steps(env));
  return result;
}

// An array for each number of the batches.
napi_value report_job::steps(napi_env env) const {
  constexpr std::pair<const char*, double batch_outcome::*> columns[] = {
      {"rateW", &batch_outcome::rate_w},
      {"rateH", &batch_outcome::rate_h},
      {"squaredGradient", &batch_outcome::squared_gradient},
      {"alignment", &batch_outcome::alignment}};
  napi_value result = nullptr;
  if (napi_create_object(env, &result) != napi_ok)
    return nullptr;
  for (const auto& [name, member] : columns) {
    std::vector<double> column;
    for (const batch_outcome& step : report.steps)
      column.push_back(step.*member);
    napi_set_named_property(env, result, name, float64_array(env, column));
  }
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
