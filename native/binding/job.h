// Work on a thread of its own, with a promise. Not napi's AsyncWorker, which would hold one of libuv's four threads for
// the whole of a fit and starve file and name look-ups.
#pragma once

#include "../include/fit.h"

#include <napi.h>

#include <memory>
#include <thread>
#include <vector>

namespace nonneg {

class job {
 public:
  virtual ~job() = default;

  // Starts the work and returns the promise. The values of `keep` stay alive until it is settled.
  static Napi::Value start(Napi::Env env, std::unique_ptr<job> made, const std::vector<napi_value>& keep);

 protected:
  // On the job's thread: no JavaScript here.
  virtual status work() = 0;

  // On the JavaScript thread, after `work`: the promise's value, null for undefined. Raw calls only, their statuses
  // ignored: while a Worker is being terminated JavaScript may not run, and a throwing wrapper would end the process.
  virtual napi_value value(napi_env env) = 0;

  // From the JavaScript thread, when its environment goes down.
  virtual void cancel() = 0;

 private:
  static void finish(napi_env env, void* data, void* hint);
  static void environment_ends(void* data);

  std::thread thread;
  status outcome;
  napi_deferred deferred = nullptr;
  napi_threadsafe_function bell = nullptr;
  std::vector<napi_ref> kept;
};

} // namespace nonneg
