// What NativeFit does on threads: one class per method that returns a promise.
#pragma once

#include "fit_object.h"
#include "job.h"
#include "values.h"

#include <vector>

namespace nonneg {

// The arrays of a call; empty where they are not what the fit takes.
// Two of the element type, of rows x rank and columns x rank elements.
std::vector<array> read_factors(const Napi::CallbackInfo& info, const fit_shape& shape);

// The same with a Float64Array of the momentum's numbers behind them; empty where the fit does not extrapolate.
std::vector<array> read_momentum(const Napi::CallbackInfo& info, const fit_shape& shape);

// Two of the element type, of columns x rank elements each; empty where the rule accumulates nothing.
std::vector<array> read_accumulated(const Napi::CallbackInfo& info, const fit_shape& shape);

// One of them; empty where the rule keeps no gradient.
std::vector<array> read_gradient(const Napi::CallbackInfo& info, const fit_shape& shape);

// A Float64Array of seven numbers for each batch, the members of `batch` in their order.
bool read_batches(Napi::Value value, const fit_shape& shape, std::vector<batch>& out);

class fit_job : public job {
 public:
  explicit fit_job(const std::shared_ptr<fit_state>& state) : state(state) {
    state->busy = true;
    state->cancelled.store(false);
  }
  ~fit_job() override { state->busy = false; }

 protected:
  napi_value value(napi_env) override { return nullptr; }
  void cancel() override { state->cancelled.store(true); }

  const std::shared_ptr<fit_state> state;
};

class report_job : public fit_job {
 public:
  report_job(const std::shared_ptr<fit_state>& state, double deadline) : fit_job(state), deadline(deadline) {}

 protected:
  napi_value value(napi_env env) override;
  run_controls controls() const;

  run_report report;

 private:
  napi_value steps(napi_env env) const;

  const double deadline;
};

class run_job final : public report_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, int iterations,
                           double deadline);
  run_job(const std::shared_ptr<fit_state>& state, int iterations, double deadline)
      : report_job(state, deadline), iterations(iterations) {}

 protected:
  status work() override { return state->device->run(iterations, controls(), report); }

 private:
  const int iterations;
};

class run_batches_job final : public report_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                           const std::vector<batch>& batches, double deadline);
  run_batches_job(const std::shared_ptr<fit_state>& state, const std::vector<batch>& batches, double deadline)
      : report_job(state, deadline), batches(batches) {}

 protected:
  status work() override { return state->device->run_batches(batches, controls(), report); }

 private:
  const std::vector<batch> batches;
};

class evaluate_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, double beta);
  evaluate_job(const std::shared_ptr<fit_state>& state, double beta) : fit_job(state), beta(beta) {}

 protected:
  status work() override { return state->device->evaluate(beta, loss); }
  napi_value value(napi_env env) override;

 private:
  const double beta;
  double loss = 0;
};

// What a call asks of the device, with the arrays that JavaScript gave it.
using arrays_call = status (*)(fit& device, const std::vector<array>& arrays);

// The arrays are the first arguments of the call, and are read or written by the thread: their owner must not detach
// them meanwhile.
class arrays_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state,
                           const std::vector<array>& arrays, arrays_call call);
  arrays_job(const std::shared_ptr<fit_state>& state, const std::vector<array>& arrays, arrays_call call)
      : fit_job(state), arrays(arrays), call(call) {}

 protected:
  status work() override { return call(*state->device, arrays); }

 private:
  const std::vector<array> arrays;
  const arrays_call call;
};

} // namespace nonneg
