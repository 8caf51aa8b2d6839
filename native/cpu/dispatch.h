// Which instruction sets this build has and this CPU can run.
#pragma once

#include "../include/kernels.h"

#include <string>
#include <vector>

namespace nonneg {

// The usable ones, slowest first; never empty.
std::vector<const nonneg_isa*> usable_isas();

// The fastest usable one for "", else the one of that name; null with a sentence in `reason` when it is unknown, not
// built or not supported by the CPU.
const nonneg_isa* find_isa(const std::string& name, std::string& reason);

} // namespace nonneg
