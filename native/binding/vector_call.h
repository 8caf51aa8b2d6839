#pragma once

#include <napi.h>

#include <string>
#include <vector>

namespace nonneg {

// What runVectors knows, on every instruction set.
std::vector<std::string> vector_kernel_names();

// runVectors(isa, name, threads, arrays, bounds, scalars, sums): one kernel of the optimizers over whole arrays. Short
// ones are done at once, on the calling thread, and the answer is undefined; others run on a thread, and the answer is
// a promise, until which nobody may detach `arrays` and `sums`.
Napi::Value run_vector_kernel(const Napi::CallbackInfo& info);

// adviseHuge(array): asks the system for huge pages under a large array that nobody has written to yet.
Napi::Value advise_huge(const Napi::CallbackInfo& info);

} // namespace nonneg
