// The package's kernels as the emulation runs them.
#pragma once

#include "emu.h"

namespace emu {

// Null where there is no kernel of that name.
entry find_kernel(const char* name);

} // namespace emu
