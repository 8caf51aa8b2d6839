// The part of CUDA's driver interface that is used here, declared by hand so that the addon builds on machines without
// CUDA. Names and signatures: NVIDIA, CUDA Driver API reference manual, version 13.0; the `_v2` names are what cuda.h
// maps the plain ones to. All of them exist since CUDA 7.
#pragma once

#include <cstddef>

namespace nonneg::cuda {

using result = int;
using device_id = int;
using device_address = unsigned long long;
using context_handle = struct context_tag*;
using module_handle = struct module_tag*;
using function_handle = struct function_tag*;
using stream_handle = struct stream_tag*;
using event_handle = struct event_tag*;

// What the code looks at of cuda.h's enumerations.
constexpr result SUCCESS = 0;
constexpr result OUT_OF_MEMORY = 2;
constexpr result NO_DEVICE = 100;
constexpr result UNSUPPORTED_PTX_VERSION = 222;
constexpr result NOT_READY = 600;
constexpr int ATTRIBUTE_MULTIPROCESSORS = 16;
constexpr int ATTRIBUTE_COMPUTE_MAJOR = 75;
constexpr int ATTRIBUTE_COMPUTE_MINOR = 76;
constexpr unsigned STREAM_NON_BLOCKING = 1;
constexpr unsigned EVENT_BLOCKING_SYNC = 1;

} // namespace nonneg::cuda

// X(member of the table, exported name, parameters)
#define NONNEG_CUDA_DRIVER(X)                                                                                          \
  X(init, cuInit, (unsigned flags))                                                                                    \
  X(driver_version, cuDriverGetVersion, (int* version))                                                                \
  X(error_name, cuGetErrorName, (result error, const char** name))                                                     \
  X(device_count, cuDeviceGetCount, (int* count))                                                                      \
  X(device_get, cuDeviceGet, (device_id * device, int ordinal))                                                        \
  X(device_name, cuDeviceGetName, (char* name, int length, device_id device))                                          \
  X(device_attribute, cuDeviceGetAttribute, (int* value, int attribute, device_id device))                             \
  X(device_memory, cuDeviceTotalMem_v2, (size_t * bytes, device_id device))                                            \
  X(context_retain, cuDevicePrimaryCtxRetain, (context_handle * context, device_id device))                            \
  X(context_push, cuCtxPushCurrent_v2, (context_handle context))                                                       \
  X(context_pop, cuCtxPopCurrent_v2, (context_handle * context))                                                       \
  X(module_load, cuModuleLoadData, (module_handle * module, const void* image))                                        \
  X(module_function, cuModuleGetFunction, (function_handle * function, module_handle module, const char* name))        \
  X(memory_info, cuMemGetInfo_v2, (size_t * available, size_t * total))                                                \
  X(memory_allocate, cuMemAlloc_v2, (device_address * address, size_t bytes))                                          \
  X(memory_free, cuMemFree_v2, (device_address address))                                                               \
  X(copy_to_device, cuMemcpyHtoDAsync_v2, (device_address to, const void* from, size_t bytes, stream_handle stream))   \
  X(copy_to_host, cuMemcpyDtoHAsync_v2, (void* to, device_address from, size_t bytes, stream_handle stream))           \
  X(copy_on_device, cuMemcpyDtoDAsync_v2,                                                                              \
    (device_address to, device_address from, size_t bytes, stream_handle stream))                                      \
  X(stream_create, cuStreamCreate, (stream_handle * stream, unsigned flags))                                           \
  X(stream_destroy, cuStreamDestroy_v2, (stream_handle stream))                                                        \
  X(stream_synchronize, cuStreamSynchronize, (stream_handle stream))                                                   \
  X(event_create, cuEventCreate, (event_handle * event, unsigned flags))                                               \
  X(event_destroy, cuEventDestroy_v2, (event_handle event))                                                            \
  X(event_record, cuEventRecord, (event_handle event, stream_handle stream))                                           \
  X(event_query, cuEventQuery, (event_handle event))                                                                   \
  X(event_synchronize, cuEventSynchronize, (event_handle event))                                                       \
  X(event_elapsed, cuEventElapsedTime, (float* milliseconds, event_handle start, event_handle end))                    \
  X(launch, cuLaunchKernel,                                                                                            \
    (function_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,  \
     unsigned block_z, unsigned shared_bytes, stream_handle stream, void** arguments, void** extra))
