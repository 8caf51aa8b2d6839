// A CUDA driver without a GPU: the functions that the addon uses, over the emulated kernels. For tests only. Device
// memory is host memory that starts as NaN and lies between guard zones; what a real driver would leave undefined is
// an error here. What can be set is in settings.h.
#include "device_block.h"
#include "emulated_kernels.h"
#include "settings.h"

#include "../cuda/driver_api.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace nonneg::cuda {

struct context_tag {};
struct stream_tag {};
struct event_tag {
  std::chrono::steady_clock::time_point at;
  bool recorded;
};
struct function_tag {
  std::string name;
  emu::entry kernel;
};
struct module_tag {
  std::string ptx;
  std::map<std::string, function_tag> functions;
};

} // namespace nonneg::cuda

using namespace nonneg::cuda;

namespace {

constexpr result INVALID_VALUE = 1;
constexpr result NOT_INITIALIZED = 3;
constexpr result INVALID_DEVICE = 101;
constexpr result INVALID_IMAGE = 200;
constexpr result INVALID_CONTEXT = 201;
constexpr result INVALID_HANDLE = 400;
constexpr result NOT_FOUND = 500;
constexpr result ILLEGAL_ADDRESS = 700;
constexpr result LAUNCH_FAILED = 719;

std::mutex state;
bool initialised = false;
result sticky = SUCCESS;
size_t used = 0;
std::map<device_address, emu::device_block> blocks;
nonneg::cuda::context_tag primary;
thread_local std::vector<context_handle> contexts;

// What a call that needs a context finds wrong before it begins. The caller holds `state`.
result enter(const char* function) {
  const result failure = emu::planned(function);
  if (failure != SUCCESS)
    return failure;
  if (sticky != SUCCESS)
    return sticky;
  if (!initialised)
    return NOT_INITIALIZED;
  return contexts.empty() ? INVALID_CONTEXT : SUCCESS;
}

bool inside(device_address address, size_t bytes) {
  auto above = blocks.upper_bound(address);
  if (above == blocks.begin())
    return false;
  const auto& [start, found] = *--above;
  return address - start <= found.bytes && bytes <= found.bytes - (address - start);
}

void* host_view(device_address address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

bool guards_hold() {
  for (const auto& entry : blocks) {
    if (!entry.second.guards_hold())
      return false;
  }
  return true;
}

result complain(const std::string& what, result error) {
  std::fprintf(stderr, "emulated CUDA: %s\n", what.c_str());
  return error;
}

result copy(const char* function, bool ranges_hold, void* to, const void* from, size_t bytes, stream_handle stream) {
  const result wrong = enter(function);
  if (wrong != SUCCESS)
    return wrong;
  if (!stream)
    return INVALID_HANDLE;
  if (!ranges_hold)
    return complain(std::string(function) + " outside any allocation", INVALID_VALUE);
  std::memcpy(to, from, bytes);
  return SUCCESS;
}

} // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// Each function is declared from the list that the addon calls by, so that the two cannot differ.
#define DECLARE(member, name, parameters) EXPORT result name parameters;
NONNEG_CUDA_DRIVER(DECLARE)
#undef DECLARE

// The addon looks for this name to tell emulation from a GPU.
EXPORT const int nonneg_cuda_emulated = 1;

result cuInit(unsigned flags) {
  const std::lock_guard<std::mutex> lock(state);
  const result failure = emu::planned("cuInit");
  if (failure != SUCCESS)
    return failure;
  if (flags != 0)
    return INVALID_VALUE;
  if (emu::device_total() == 0)
    return NO_DEVICE;
  initialised = true;
  return SUCCESS;
}

result cuDriverGetVersion(int* version) {
  *version = 13000;
  return SUCCESS;
}

result cuGetErrorName(result error, const char** name) {
  static const std::map<result, const char*> names = {
      {SUCCESS, "CUDA_SUCCESS"},
      {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
      {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
      {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
      {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
      {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
      {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
      {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
      {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
      {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
  };
  const auto found = names.find(error);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? INVALID_VALUE : SUCCESS;
}

result cuDeviceGetCount(int* count) {
  *count = emu::device_total();
  return initialised ? SUCCESS : NOT_INITIALIZED;
}

result cuDeviceGet(device_id* device, int ordinal) {
  *device = ordinal;
  return ordinal >= 0 && ordinal < emu::device_total() ? SUCCESS : INVALID_DEVICE;
}

result cuDeviceGetName(char* name, int length, device_id) {
  std::snprintf(name, static_cast<size_t>(length), "CPU emulation");
  return SUCCESS;
}

result cuDeviceGetAttribute(int* value, int attribute, device_id) {
  const std::map<int, int> known = {
      {ATTRIBUTE_MULTIPROCESSORS, 1}, {ATTRIBUTE_COMPUTE_MAJOR, 7}, {ATTRIBUTE_COMPUTE_MINOR, 5}};
  const auto found = known.find(attribute);
  if (found == known.end())
    return INVALID_VALUE;
  *value = found->second;
  return SUCCESS;
}

result cuDeviceTotalMem_v2(size_t* bytes, device_id) {
  *bytes = emu::memory_bytes();
  return SUCCESS;
}

result cuDevicePrimaryCtxRetain(context_handle* context, device_id) {
  const std::lock_guard<std::mutex> lock(state);
  const result failure = emu::planned("cuDevicePrimaryCtxRetain");
  if (failure != SUCCESS)
    return failure;
  if (!initialised)
    return NOT_INITIALIZED;
  *context = &primary;
  return SUCCESS;
}

result cuCtxPushCurrent_v2(context_handle context) {
  if (context != &primary)
    return INVALID_CONTEXT;
  contexts.push_back(context);
  return SUCCESS;
}

result cuCtxPopCurrent_v2(context_handle* context) {
  if (contexts.empty())
    return INVALID_CONTEXT;
  *context = contexts.back();
  contexts.pop_back();
  return SUCCESS;
}

result cuModuleLoadData(module_handle* module, const void* image) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuModuleLoadData");
  if (wrong != SUCCESS)
    return wrong;
  const std::string ptx = static_cast<const char*>(image);
  const size_t version = ptx.find(".version ");
  if (!ptx.empty() && version == std::string::npos)
    return INVALID_IMAGE;
  if (!ptx.empty() && std::strtod(ptx.c_str() + version + 9, nullptr) > emu::newest_ptx())
    return UNSUPPORTED_PTX_VERSION;
  *module = new module_tag{ptx, {}};
  return SUCCESS;
}

// A kernel must be an entry of the PTX too (unless the build has none), so that the two cannot drift apart unnoticed.
result cuModuleGetFunction(function_handle* function, module_handle module, const char* name) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuModuleGetFunction");
  if (wrong != SUCCESS)
    return wrong;
  const emu::entry kernel = emu::find_kernel(name);
  if (!kernel)
    return NOT_FOUND;
  if (!module->ptx.empty() && module->ptx.find(".entry " + std::string(name) + "(") == std::string::npos) {
    return complain(std::string(name) + " is no entry of the PTX", NOT_FOUND);
  }
  *function = &module->functions.insert({name, {name, kernel}}).first->second;
  return SUCCESS;
}

result cuMemGetInfo_v2(size_t* available, size_t* total) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuMemGetInfo");
  if (wrong != SUCCESS)
    return wrong;
  *total = emu::memory_bytes();
  *available = *total > used ? *total - used : 0;
  return SUCCESS;
}

result cuMemAlloc_v2(device_address* address, size_t bytes) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuMemAlloc");
  if (wrong != SUCCESS)
    return wrong;
  if (bytes == 0)
    return INVALID_VALUE;
  if (used + bytes > emu::memory_bytes())
    return OUT_OF_MEMORY;
  emu::device_block fresh(bytes);
  *address = reinterpret_cast<uintptr_t>(fresh.start());
  used += bytes;
  blocks.emplace(*address, std::move(fresh));
  return SUCCESS;
}

result cuMemFree_v2(device_address address) {
  const std::lock_guard<std::mutex> lock(state);
  // freeing works whatever went wrong before, as long as there is a context
  if (contexts.empty())
    return INVALID_CONTEXT;
  const auto found = blocks.find(address);
  if (found == blocks.end())
    return complain("cuMemFree of what was not allocated", INVALID_VALUE);
  used -= found->second.bytes;
  blocks.erase(found);
  return SUCCESS;
}

result cuMemcpyHtoDAsync_v2(device_address to, const void* from, size_t bytes, stream_handle stream) {
  const std::lock_guard<std::mutex> lock(state);
  return copy("cuMemcpyHtoDAsync", inside(to, bytes), host_view(to), from, bytes, stream);
}

result cuMemcpyDtoHAsync_v2(void* to, device_address from, size_t bytes, stream_handle stream) {
  const std::lock_guard<std::mutex> lock(state);
  return copy("cuMemcpyDtoHAsync", inside(from, bytes), to, host_view(from), bytes, stream);
}

result cuMemcpyDtoDAsync_v2(device_address to, device_address from, size_t bytes, stream_handle stream) {
  const std::lock_guard<std::mutex> lock(state);
  return copy("cuMemcpyDtoDAsync", inside(to, bytes) && inside(from, bytes), host_view(to), host_view(from), bytes,
              stream);
}

result cuStreamCreate(stream_handle* stream, unsigned) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuStreamCreate");
  if (wrong == SUCCESS)
    *stream = new stream_tag;
  return wrong;
}

result cuStreamDestroy_v2(stream_handle stream) {
  delete stream;
  return SUCCESS;
}

result cuStreamSynchronize(stream_handle stream) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuStreamSynchronize");
  return wrong == SUCCESS && !stream ? INVALID_HANDLE : wrong;
}

result cuEventCreate(event_handle* event, unsigned) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuEventCreate");
  if (wrong == SUCCESS)
    *event = new event_tag{};
  return wrong;
}

result cuEventDestroy_v2(event_handle event) {
  delete event;
  return SUCCESS;
}

result cuEventRecord(event_handle event, stream_handle stream) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuEventRecord");
  if (wrong != SUCCESS)
    return wrong;
  if (!event || !stream)
    return INVALID_HANDLE;
  event->at = std::chrono::steady_clock::now();
  event->recorded = true;
  return SUCCESS;
}

result cuEventQuery(event_handle event) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuEventQuery");
  return wrong == SUCCESS && !event->recorded ? INVALID_HANDLE : wrong;
}

result cuEventSynchronize(event_handle event) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuEventSynchronize");
  return wrong == SUCCESS && !event->recorded ? INVALID_HANDLE : wrong;
}

result cuEventElapsedTime(float* milliseconds, event_handle start, event_handle end) {
  if (!start->recorded || !end->recorded)
    return INVALID_HANDLE;
  *milliseconds = std::chrono::duration<float, std::milli>(end->at - start->at).count();
  return SUCCESS;
}

result cuLaunchKernel(function_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                      unsigned block_y, unsigned block_z, unsigned, stream_handle stream, void** arguments, void**) {
  const std::lock_guard<std::mutex> lock(state);
  const result wrong = enter("cuLaunchKernel");
  if (wrong != SUCCESS)
    return wrong;
  if (!function || !stream)
    return INVALID_HANDLE;
  const uint64_t threads = uint64_t{block_x} * block_y * block_z;
  if (grid_x == 0 || grid_y == 0 || grid_z == 0 || threads == 0 || threads > 1024)
    return INVALID_VALUE;
  if (grid_x > 0x7fffffffu || grid_y > 65535 || grid_z > 65535)
    return INVALID_VALUE;
  const std::string fault =
      emu::launch(function->kernel, arguments, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z});
  if (!fault.empty())
    return sticky = complain(function->name + ": " + fault, LAUNCH_FAILED);
  if (!guards_hold())
    return sticky = complain(function->name + " wrote beside its memory", ILLEGAL_ADDRESS);
  return SUCCESS;
}
