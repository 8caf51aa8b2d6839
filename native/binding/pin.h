#pragma once

namespace nonneg {

// Keeps this library loaded until the process ends. Node unloads an addon with the last Worker that loaded it, while
// the compute threads would still be running its code.
void pin_library();

} // namespace nonneg
