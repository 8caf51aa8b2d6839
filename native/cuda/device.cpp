#include "device.h"

#include "ptx.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace nonneg::cuda {

namespace {

// PTX for compute_75 is what nvcc 13 can make at the least.
constexpr int MINIMUM_MAJOR = 7;
constexpr int MINIMUM_MINOR = 5;

struct refusal {
  std::string reason;
  std::string fix;
  bool refused() const { return !reason.empty(); }
};

refusal driver_failure(const driver& api, result error, const std::string& what) {
  return {"CUDA: " + what + ": " + api.name_of(error), "check the device and the NVIDIA driver with nvidia-smi"};
}

refusal choose(const driver& api, int& ordinal) {
  int count = 0;
  const result error = api.device_count(&count);
  if (error != SUCCESS)
    return driver_failure(api, error, "counting devices");
  if (count == 0)
    return {"CUDA: the driver sees no device", "connect an NVIDIA GPU, or unset CUDA_VISIBLE_DEVICES"};
  const char* wanted = std::getenv("NONNEG_CUDA_DEVICE");
  if (!wanted || !*wanted)
    return {};
  char* end = nullptr;
  const long chosen = std::strtol(wanted, &end, 10);
  if (*end == 0 && chosen >= 0 && chosen < count) {
    ordinal = static_cast<int>(chosen);
    return {};
  }
  return {std::string("NONNEG_CUDA_DEVICE=") + wanted + " names no device; there are " + std::to_string(count),
          "set NONNEG_CUDA_DEVICE to a number from 0 to " + std::to_string(count - 1) + ", or unset it"};
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// nvcc declares its own PTX version, which drivers older than itself refuse. Declared as this one, which came with CUDA
// 10.1, ptxas still accepts the kernels, for all architectures from 7.5 to 12.0.
constexpr const char* OLDEST_PTX = "6.4";

// Of the version's digits, as in `.version 9.0`: where they begin and how many characters they are.
std::pair<size_t, size_t> ptx_version(const std::string& text) {
  const std::string word = ".version ";
  const size_t at = text.find(word);
  if (at == std::string::npos)
    return {0, 0};
  const size_t begin = at + word.size();
  return {begin, text.find_first_of("\r\n", begin) - begin};
}

refusal describe(device& on, device_id id, int ordinal) {
  const driver& api = *on.api;
  char name[256] = {};
  int driver_version = 0, major = 0, minor = 0, multiprocessors = 0;
  size_t bytes = 0;
  result error = api.device_name(name, sizeof name - 1, id);
  if (error == SUCCESS)
    error = api.driver_version(&driver_version);
  if (error == SUCCESS)
    error = api.device_attribute(&major, ATTRIBUTE_COMPUTE_MAJOR, id);
  if (error == SUCCESS)
    error = api.device_attribute(&minor, ATTRIBUTE_COMPUTE_MINOR, id);
  if (error == SUCCESS)
    error = api.device_attribute(&multiprocessors, ATTRIBUTE_MULTIPROCESSORS, id);
  if (error == SUCCESS)
    error = api.device_memory(&bytes, id);
  if (error != SUCCESS)
    return driver_failure(api, error, "asking for the device's properties");
  const std::string capability = std::to_string(major) + "." + std::to_string(minor);
  on.probe.info = {{"device", name},
                   {"ordinal", std::to_string(ordinal)},
                   {"computeCapability", capability},
                   {"multiprocessors", std::to_string(multiprocessors)},
                   {"memory", mebibytes(static_cast<double>(bytes))},
                   {"driver", version_text(driver_version)},
                   {"library", api.library}};
  if (major > MINIMUM_MAJOR || (major == MINIMUM_MAJOR && minor >= MINIMUM_MINOR))
    return {};
  return {std::string(name) + " has compute capability " + capability + "; the kernels need 7.5 or higher",
          "use a GPU of the Turing generation or later"};
}

refusal load_kernels(device& on) {
  const driver& api = *on.api;
  module_handle module = nullptr;
  std::string text = reinterpret_cast<const char*>(ptx_image);
  const auto [begin, length] = ptx_version(text);
  std::string version = ptx_bytes == 0 ? std::string("none: ") + ptx_absent : text.substr(begin, length);
  result error = api.module_load(&module, text.c_str());
  if (error == UNSUPPORTED_PTX_VERSION) {
    text.replace(begin, length, OLDEST_PTX);
    version += std::string(", declared as ") + OLDEST_PTX;
    error = api.module_load(&module, text.c_str());
  }
  if (error == UNSUPPORTED_PTX_VERSION)
    return {"CUDA: this driver is too old for the kernels' PTX", "update the NVIDIA driver"};
  if (error != SUCCESS)
    return driver_failure(api, error, "loading the kernels");
  on.probe.info.emplace_back("ptx", version);
#define NONNEG_FUNCTION(name)                                                                                          \
  error = api.module_function(&on.functions[static_cast<int>(kernel::name)], module, #name);                           \
  if (error != SUCCESS)                                                                                                \
    return driver_failure(api, error, "looking up kernel " #name);
  NONNEG_CUDA_KERNELS(NONNEG_FUNCTION)
#undef NONNEG_FUNCTION
  return {};
}

refusal open(device& on) {
  refusal no;
  on.api = open_driver(no.reason, no.fix);
  if (!on.api)
    return no;
  const driver& api = *on.api;
  on.probe.emulated = api.emulated;
  if (ptx_bytes == 0 && !api.emulated) {
    return {std::string("this build holds no PTX (") + ptx_absent + ")",
            "install CUDA's nvcc (11 or later) and build the addon again"};
  }
  result error = api.init(0);
  if (error != SUCCESS)
    return driver_failure(api, error, "cuInit");
  int ordinal = 0;
  no = choose(api, ordinal);
  if (no.refused())
    return no;
  device_id id = 0;
  error = api.device_get(&id, ordinal);
  if (error != SUCCESS)
    return driver_failure(api, error, "opening the device");
  no = describe(on, id, ordinal);
  if (no.refused())
    return no;
  error = api.context_retain(&on.context, id);
  if (error != SUCCESS)
    return driver_failure(api, error, "making a context");
  const context_scope scope(on);
  return load_kernels(on);
}

} // namespace

const device& open_device() {
  static std::once_flag once;
  static device* opened = nullptr;
  std::call_once(once, [] {
    opened = new device;
    const refusal no = open(*opened);
    opened->probe.available = !no.refused();
    opened->probe.reason = no.reason;
    opened->probe.fix = no.fix;
  });
  return *opened;
}

context_scope::context_scope(const device& on) : on(on), pushed(on.api->context_push(on.context) == SUCCESS) {}

context_scope::~context_scope() {
  context_handle popped = nullptr;
  if (pushed)
    on.api->context_pop(&popped);
}

std::string mebibytes(double bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f MiB", bytes / (1 << 20));
  return text;
}

} // namespace nonneg::cuda

namespace nonneg {

cuda_probe probe_cuda() {
  return cuda::open_device().probe;
}

} // namespace nonneg
