#include "job.h"

#include "values.h"

#include <system_error>

namespace nonneg {

namespace {

// The bell never rings; it is there for its finalizer, which Node calls on the JavaScript thread.
void nothing(napi_env, napi_value, void*, void*) {}

} // namespace

Napi::Value job::start(Napi::Env env, std::unique_ptr<job> made, const std::vector<napi_value>& keep) {
  if (!made)
    return refuse(env, memory_error, "no memory for a job");
  napi_value promise = nullptr;
  napi_value name = nullptr;
  job* const self = made.get();
  if (napi_create_promise(env, &self->deferred, &promise) != napi_ok ||
      napi_create_string_utf8(env, "nonneg", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, self, &job::finish, nullptr, &nothing,
                                      &self->bell) != napi_ok) {
    return refuse(env, backend_error, "the JavaScript environment takes no more jobs");
  }
  made.release(); // `finish` deletes it
  for (napi_value value : keep) {
    napi_ref reference = nullptr;
    if (napi_create_reference(env, value, 1, &reference) == napi_ok)
      self->kept.push_back(reference);
  }
  // added after the function's own hook, so that it runs before it: the environment waits for the job to end
  napi_add_env_cleanup_hook(env, &job::environment_ends, self);
  try {
    self->thread = std::thread([self] {
      self->outcome = self->work();
      napi_release_threadsafe_function(self->bell, napi_tsfn_release);
    });
  } catch (const std::system_error&) {
    self->outcome = {status_code::memory, "the system gives no more threads"};
    napi_release_threadsafe_function(self->bell, napi_tsfn_release);
  }
  return Napi::Value(env, promise);
}

void job::environment_ends(void* data) {
  static_cast<job*>(data)->cancel();
}

void job::finish(napi_env env, void* data, void*) {
  const std::unique_ptr<job> self(static_cast<job*>(data));
  // the thread still uses the function that is about to be deleted
  if (self->thread.joinable())
    self->thread.join();
  napi_remove_env_cleanup_hook(env, &job::environment_ends, self.get());
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok)
    return;
  if (self->outcome.ok()) {
    napi_value result = self->value(env);
    if (!result)
      napi_get_undefined(env, &result);
    napi_resolve_deferred(env, self->deferred, result);
  } else {
    napi_value code = nullptr, message = nullptr, error = nullptr;
    napi_create_string_utf8(env, error_code(self->outcome.code), NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, self->outcome.message.c_str(), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, code, message, &error);
    napi_reject_deferred(env, self->deferred, error);
  }
  for (napi_ref reference : self->kept)
    napi_delete_reference(env, reference);
  napi_close_handle_scope(env, scope);
}

} // namespace nonneg
