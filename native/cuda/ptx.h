// The kernels' PTX as ptx.cmake embeds it.
#pragma once

namespace nonneg::cuda {

extern const unsigned char ptx_image[];    // zero-terminated; empty where the build had none
extern const char* const ptx_absent;       // why, where it is empty
extern const unsigned long long ptx_bytes; // without the terminator

} // namespace nonneg::cuda
