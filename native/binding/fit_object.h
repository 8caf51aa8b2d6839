// The JavaScript class NativeFit: one fit on a device of the addon. Every length is checked here against the shape,
// before anything starts; the devices trust what arrives.
#pragma once

#include "../include/fit.h"

#include <napi.h>

#include <atomic>
#include <memory>

namespace nonneg {

// Shared with the running job, so that neither `dispose` nor the garbage collector can take the fit from under it.
struct fit_state {
  std::unique_ptr<fit> device;
  fit_shape shape;
  std::atomic<bool> cancelled{false};
  bool busy = false; // touched by the JavaScript thread alone
};

// fitMemory(options): bytes that a fit of these options on the CPU would take, by purpose; nothing is taken.
Napi::Value fit_memory(const Napi::CallbackInfo& info);

class fit_object : public Napi::ObjectWrap<fit_object> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit fit_object(const Napi::CallbackInfo& info);
  ~fit_object() override;

 private:
  Napi::Value upload_dense(const Napi::CallbackInfo& info);
  Napi::Value upload_indptr(const Napi::CallbackInfo& info);
  Napi::Value upload_entries(const Napi::CallbackInfo& info);
  Napi::Value upload_weights(const Napi::CallbackInfo& info);
  Napi::Value upload_entry_weights(const Napi::CallbackInfo& info);
  Napi::Value set_factors(const Napi::CallbackInfo& info);
  Napi::Value set_momentum(const Napi::CallbackInfo& info);
  Napi::Value set_accumulated(const Napi::CallbackInfo& info);
  Napi::Value set_gradient(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value run_batches(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value factors(const Napi::CallbackInfo& info);
  Napi::Value momentum(const Napi::CallbackInfo& info);
  Napi::Value accumulated(const Napi::CallbackInfo& info);
  Napi::Value gradient(const Napi::CallbackInfo& info);
  Napi::Value cancel(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  void let_go();
  bool usable(Napi::Env env) const;
  bool complete(Napi::Env env) const;

  std::shared_ptr<fit_state> state;
  int64_t told_bytes = 0; // what the garbage collector was told that this object holds
  int64_t rows_uploaded = 0;
  bool indptr_uploaded[2] = {false, false};
  int64_t entries_uploaded[2] = {0, 0};
  int64_t weight_rows_uploaded = 0;
  int64_t entry_weights_uploaded[2] = {0, 0};
  bool factors_set = false;
};

} // namespace nonneg
