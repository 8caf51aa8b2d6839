#include "queue.h"

namespace nonneg::cuda {

device_memory::~device_memory() {
  if (start != 0)
    on.api->memory_free(start);
}

result device_memory::allocate(size_t bytes) {
  return on.api->memory_allocate(&start, bytes > 0 ? bytes : 1);
}

queue::queue(const device& on) : on(on) {
  keep(on.api->stream_create(&stream, STREAM_NON_BLOCKING), "making a stream");
}

queue::~queue() {
  if (stream)
    on.api->stream_destroy(stream);
}

void queue::keep(result error, const char* what) {
  if (error != SUCCESS)
    fail(status_of(*on.api, error, what));
}

void queue::launch_packed(kernel which, launch_size grid, launch_size block, void** arguments) {
  static const char* const names[] = {
#define NONNEG_NAME(name) "kernel " #name,
      NONNEG_CUDA_KERNELS(NONNEG_NAME)
#undef NONNEG_NAME
  };
  if (!ok() || grid.x == 0 || grid.y == 0 || grid.z == 0)
    return;
  const int index = static_cast<int>(which);
  keep(on.api->launch(on.functions[index], grid.x, grid.y, grid.z, block.x, block.y, block.z, 0, stream, arguments,
                      nullptr),
       names[index]);
}

// Copies from and to pageable memory may or may not return before they are done; after the wait they are.
void queue::upload(device_address to, const void* from, size_t bytes) {
  if (!ok() || bytes == 0)
    return;
  keep(on.api->copy_to_device(to, from, bytes, stream), "copying to the device");
  synchronize();
}

void queue::download(void* to, device_address from, size_t bytes) {
  if (!ok() || bytes == 0)
    return;
  keep(on.api->copy_to_host(to, from, bytes, stream), "copying from the device");
  synchronize();
}

void queue::copy(device_address to, device_address from, size_t bytes) {
  if (ok() && bytes > 0)
    keep(on.api->copy_on_device(to, from, bytes, stream), "copying on the device");
}

void queue::record(event_handle event) {
  if (ok())
    keep(on.api->event_record(event, stream), "recording an event");
}

void queue::wait(event_handle event) {
  if (ok())
    keep(on.api->event_synchronize(event), "waiting for an event");
}

bool queue::reached(event_handle event) {
  if (!ok())
    return false;
  const result error = on.api->event_query(event);
  if (error != NOT_READY)
    keep(error, "asking for an event");
  return error == SUCCESS;
}

void queue::synchronize() {
  if (ok())
    keep(on.api->stream_synchronize(stream), "waiting for the device");
}

double queue::between(event_handle start, event_handle end) {
  float milliseconds = 0;
  if (ok())
    keep(on.api->event_elapsed(&milliseconds, start, end), "reading a clock");
  return static_cast<double>(milliseconds) * 1e-3;
}

} // namespace nonneg::cuda
