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

// The first two arrays of a call: of the element type, and of columns x rank elements each.
bool read_accumulated(const Napi::CallbackInfo& info, const fit_shape& shape, array& A, array& B);

// A Float64Array of three numbers for each batch: its first row, the number of its rows and the share that it keeps.
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

class set_accumulated_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& A,
                           const array& B);
  set_accumulated_job(const std::shared_ptr<fit_state>& state, const array& A, const array& B)
      : fit_job(state), A(A), B(B) {}

 protected:
  status work() override { return state->device->set_accumulated(A.data, B.data); }

 private:
  const array A, B;
};

class accumulated_job final : public fit_job {
 public:
  static Napi::Value start(const Napi::CallbackInfo& info, const std::shared_ptr<fit_state>& state, const array& A,
                           const array& B);
  accumulated_job(const std::shared_ptr<fit_state>& state, const array& A, const array& B)
      : fit_job(state), A(A), B(B) {}

 protected:
  status work() override { return state->device->accumulated(A.data, B.data); }

 private:
  const array A, B;
};

} // namespace nonneg
