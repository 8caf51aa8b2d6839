// The argument of NativeFit's constructor.
#pragma once

#include "../include/fit.h"

#include <napi.h>

namespace nonneg {

// False where something is out of its range: then an error is thrown in JavaScript.
bool read_fit_shape(const Napi::Object& options, fit_shape& shape);

// An empty one where the value is no string.
std::string text_of(const Napi::Value& value);

} // namespace nonneg
