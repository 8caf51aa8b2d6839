// The kernels as runKernel calls them: parameters named as in ts/kernels, checked by kernel_call, run on one table.
#pragma once

#include "../include/kernels.h"
#include "values.h"

#include <cmath>
#include <vector>

namespace nonneg {

// The sizes and scalars of a call; those that it does not have are 0, or what is said.
struct sizes {
  int64_t rows = 0, columns = 0, rank = 0, stride = 0, nonzeros = 0, length = 0;
  int64_t row = 0, column = 0, seed = 0, threshold = 0;                                         // of holdout
  int64_t moving = 0;                                                                           // by default the rank
  int64_t weighted = 0, push = 0, bend = 0, measure = 0, zeros = 0, shared = 0, complement = 0; // flags
  double l1 = 0, l2 = 0, beta = 0, gamma = 0, step = 0, weight = 0, keep = 0;
  double most = HUGE_VAL;
  int64_t draw = 0, first = 0, remember = 0, count = 0, total = 0; // of batches, as those that follow
  double rate = 0, scale = 0, noise = 0, limit = 0, ratio = 0;

  template<class T> update_terms<T> terms() const { return {T(l1), T(l2), moving, T(most)}; }
};

struct integer_name {
  const char* name;
  int64_t sizes::*member;
};

struct number_name {
  const char* name;
  double sizes::*member;
};

extern const std::vector<integer_name> integer_names;
extern const std::vector<number_name> number_names;

// `element` is the element type of the call, the others are always as said.
enum class parameter_type { element, f64, u32 };

struct parameter {
  const char* name;
  parameter_type type;
  double (*length)(const sizes&); // a double cannot overflow
};

struct window {
  array whole;
  int64_t offset = 0;
  int64_t length = 0;

  template<class T> T* at() const { return static_cast<T*>(whole.data) + offset; }
};

using windows = std::vector<window>;

template<class T> using kernel_body = void (*)(const nonneg_kernels<T>&, const sizes&, const windows&, T* scratch);

// Where the first two parameters are indptr and indices, they are checked to stay within `rows`, `nonzeros`, `columns`.
struct kernel {
  const char* name;
  std::vector<parameter> parameters;
  int64_t (*scratch)(const sizes&); // elements
  kernel_body<float> f32;
  kernel_body<double> f64; // null where the kernel is for float32 alone
};

const std::vector<kernel>& kernel_list();

} // namespace nonneg
