#include "pin.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace nonneg {

void pin_library() {
#if defined(_WIN32)
  HMODULE library = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCWSTR>(&pin_library), &library);
#else
  Dl_info here;
  // the handle is dropped on purpose: its count never falls to zero
  if (dladdr(reinterpret_cast<void*>(&pin_library), &here) != 0)
    dlopen(here.dli_fname, RTLD_LAZY | RTLD_NODELETE);
#endif
}

} // namespace nonneg
