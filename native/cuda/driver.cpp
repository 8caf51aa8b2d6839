#include "driver.h"

#include <cstdlib>
#include <mutex>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nonneg::cuda {

namespace {

#ifdef _WIN32
void* open_library(const std::string& path, std::string& reason) {
  void* handle = reinterpret_cast<void*>(LoadLibraryA(path.c_str()));
  if (!handle)
    reason = path + " could not be opened (Windows error " + std::to_string(GetLastError()) + ")";
  return handle;
}

void* find_symbol(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(reinterpret_cast<HMODULE>(library), name));
}

std::string beside_addon(const char*) {
  return "";
}
const char* const LIBRARIES[] = {"nvcuda.dll"};
#else
void* open_library(const std::string& path, std::string& reason) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle)
    return handle;
  const char* message = dlerror();
  reason = message ? message : path + " could not be opened";
  return nullptr;
}

void* find_symbol(void* library, const char* name) {
  return dlsym(library, name);
}

std::string beside_addon(const char* file) {
  Dl_info self{};
  if (!dladdr(reinterpret_cast<const void*>(&open_driver), &self) || !self.dli_fname)
    return file;
  const std::string path = self.dli_fname;
  const size_t slash = path.rfind('/');
  return (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + file;
}

// the second is where Windows Subsystem for Linux keeps it
const char* const LIBRARIES[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};
#endif

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void* open_any(driver& api, std::string& reason, std::string& fix) {
  const std::string named = setting("NONNEG_CUDA_LIBRARY");
  const bool emulation = named.empty() && setting("NONNEG_CUDA") == "emulated";
  if (!named.empty() || emulation) {
    api.library = emulation ? beside_addon("emulation/libcuda.so.1") : named;
    fix = emulation ? "build the addon with -DNONNEG_EMULATION=ON, or unset NONNEG_CUDA"
                    : "correct or unset NONNEG_CUDA_LIBRARY";
    return open_library(api.library, reason);
  }
  for (const char* candidate : LIBRARIES) {
    api.library = candidate;
    if (void* handle = open_library(candidate, reason))
      return handle;
  }
  reason = std::string("CUDA's driver library was not found (") + LIBRARIES[0] + ")";
  fix = "install the NVIDIA driver";
  return nullptr;
}

// Errors that end the context: exceptions of the device, its removal, a driver shutting down.
bool is_loss(result error) {
  constexpr int lost[] = {4, 46, 201, 214, 220, 226, 700, 702, 709, 714, 715, 716, 717, 718, 719, 999};
  for (int code : lost) {
    if (code == error)
      return true;
  }
  return false;
}

} // namespace

std::string driver::name_of(result error) const {
  const char* name = nullptr;
  if (error_name && error_name(error, &name) == SUCCESS && name)
    return name;
  return "CUDA error " + std::to_string(error);
}

const driver* open_driver(std::string& reason, std::string& fix) {
  static std::once_flag once;
  static std::string why;
  static std::string remedy;
  static const driver* opened = nullptr;
  std::call_once(once, [] {
    static driver api;
    void* library = open_any(api, why, remedy);
    if (!library)
      return;
    remedy = "install an NVIDIA driver of 2015 or later";
#define NONNEG_LOOK_UP(member, name, parameters)                                                                       \
  api.member = reinterpret_cast<decltype(api.member)>(find_symbol(library, #name));                                    \
  if (!api.member) {                                                                                                   \
    why = api.library + " has no " #name;                                                                              \
    return;                                                                                                            \
  }
    NONNEG_CUDA_DRIVER(NONNEG_LOOK_UP)
#undef NONNEG_LOOK_UP
    api.emulated = find_symbol(library, "nonneg_cuda_emulated") != nullptr;
    opened = &api;
  });
  reason = why;
  fix = remedy;
  return opened;
}

status status_of(const driver& api, result error, const std::string& what) {
  if (error == SUCCESS)
    return {};
  const status_code code = error == OUT_OF_MEMORY ? status_code::memory
                           : is_loss(error)       ? status_code::device_lost
                                                  : status_code::backend;
  return {code, "CUDA: " + what + ": " + api.name_of(error)};
}

} // namespace nonneg::cuda
