// What NativeFit does on threads: one class per method that returns a promise.
#pragma once

#include "fit_object.h"
#include "job.h"
#include "values.h"

namespace nonneg {

// The two arrays of a call: of the element type, and of rows x rank and columns x rank elements.
bool read_factors(const Napi::CallbackInfo& info, const fit_shape& shape, array& W, array& H);

// The same with an array of the momentum's numbers behind them; false where the fit does not extrapolate.
bool read_momentum(const Napi::CallbackInfo& info, const fit_shape& shape, array& W, array& H, array& numbers);

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

class run_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, int iterations,
                           double deadline);
  run_job(const std::shared_ptr<fit_state>& state, int iterations, double deadline)
      : fit_job(state), iterations(iterations), deadline(deadline) {}

 protected:
  status work() override;
  napi_value value(napi_env env) override;

 private:
  const int iterations;
  const double deadline;
  run_report report;
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

// The arrays are read or written by the thread: their owner must not detach them meanwhile.
class set_factors_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                           const array& Ht);
  set_factors_job(const std::shared_ptr<fit_state>& state, const array& W, const array& Ht)
      : fit_job(state), W(W), Ht(Ht) {}

 protected:
  status work() override { return state->device->set_factors(W.data, Ht.data); }

 private:
  const array W, Ht;
};

class set_momentum_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                           const array& Ht, const array& numbers);
  set_momentum_job(const std::shared_ptr<fit_state>& state, const array& W, const array& Ht, const array& numbers)
      : fit_job(state), W(W), Ht(Ht), numbers(numbers) {}

 protected:
  status work() override {
    return state->device->set_momentum(W.data, Ht.data, static_cast<const double*>(numbers.data));
  }

 private:
  const array W, Ht, numbers;
};

class factors_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                           const array& H);
  factors_job(const std::shared_ptr<fit_state>& state, const array& W, const array& H) : fit_job(state), W(W), H(H) {}

 protected:
  status work() override { return state->device->factors(W.data, H.data); }

 private:
  const array W, H;
};

class momentum_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& W,
                           const array& H, const array& numbers);
  momentum_job(const std::shared_ptr<fit_state>& state, const array& W, const array& H, const array& numbers)
      : fit_job(state), W(W), H(H), numbers(numbers) {}

 protected:
  status work() override { return state->device->momentum(W.data, H.data, static_cast<double*>(numbers.data)); }

 private:
  const array W, H, numbers;
};

} // namespace nonneg
