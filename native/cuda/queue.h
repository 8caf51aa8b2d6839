// Work in order on one stream of the device. The first failure is kept and makes every later call do nothing, so that
// a chain of launches is checked once, at its end.
#pragma once

#include "device.h"
#include "gram_task.cuh"

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace nonneg::cuda {

// Memory on the device, freed with the object. The context must be current for both.
class device_memory {
 public:
  explicit device_memory(const device& on) : on(on) {}
  ~device_memory();
  device_memory(const device_memory&) = delete;
  device_memory& operator=(const device_memory&) = delete;

  // At least one byte is taken, so that empty matrices have an address too.
  result allocate(size_t bytes);
  device_address address() const { return start; }
  void swap(device_memory& other) { std::swap(start, other.start); }

 private:
  const device& on;
  device_address start = 0;
};

struct launch_size {
  unsigned x = 1, y = 1, z = 1;
};

class queue {
 public:
  explicit queue(const device& on);
  ~queue();
  queue(const queue&) = delete;
  queue& operator=(const queue&) = delete;

  // The types must be the kernel's own: addresses for pointers, int64_t for i64, int32_t for int, gram_task for itself.
  template<class... T> void launch(kernel which, launch_size grid, launch_size block, T... values) {
    static_assert(((std::is_same_v<T, device_address> || std::is_same_v<T, int64_t> || std::is_same_v<T, int32_t> ||
                    std::is_same_v<T, gram_task>)&&...),
                  "kernels take addresses, int64_t, int32_t and gram_task");
    void* arguments[] = {&values...};
    launch_packed(which, grid, block, arguments);
  }

  void upload(device_address to, const void* from, size_t bytes);
  void download(void* to, device_address from, size_t bytes);
  void copy(device_address to, device_address from, size_t bytes);
  void record(event_handle event);
  void wait(event_handle event);
  bool reached(event_handle event);
  void synchronize();
  // Seconds between two events that have been waited for.
  double between(event_handle start, event_handle end);

  // Keeps a failure from outside, unless there is an earlier one; ok statuses change nothing.
  void fail(const status& with) {
    if (failure.ok())
      failure = with;
  }
  bool ok() const { return failure.ok(); }
  const status& outcome() const { return failure; }

 private:
  void launch_packed(kernel which, launch_size grid, launch_size block, void** arguments);
  void keep(result error, const char* what);

  const device& on;
  stream_handle stream = nullptr;
  status failure;
};

} // namespace nonneg::cuda
