// X on the CPU: how its two products meet the factors. One implementation for dense, one for CSR matrices.
#pragma once

#include "../include/fit.h"
#include "../include/kernels.h"
#include "partition.h"
#include "pool.h"

namespace nonneg {

// The factors as the kernels want them: packed with the padded rank, whose extra components are zero and stay zero.
struct operands {
  const nonneg_kernels* kernels = nullptr;
  int64_t rank = 0; // padded
  float* W = nullptr;
  float* Ht = nullptr;
  const float* G = nullptr; // Ht'Ht
};

// The threads of one job.
struct crew {
  pool* threads_of = nullptr; // may be null where `threads` is 1
  int threads = 1;
  const std::atomic<bool>* cancelled = nullptr;

  bool stop() const { return cancelled && cancelled->load(std::memory_order_relaxed); }

  // work(index, worker) for index = 0 … count - 1; false when the job was cancelled meanwhile.
  template<class Work> bool run(int64_t count, const Work& work) const {
    if (threads <= 1) {
      for (int64_t i = 0; i < count; i++)
        work(i, 0);
    } else {
      const task call = [](void* context, int64_t index, int worker) {
        (*static_cast<const Work*>(context))(index, worker);
      };
      threads_of->run(threads, count, call, const_cast<Work*>(&work));
    }
    return !stop();
  }
};

class products {
 public:
  virtual ~products() = default;

  virtual status allocate() = 0;
  virtual double bytes() const = 0; // of everything that `allocate` will ask for

  virtual status upload_dense(int64_t first, int64_t count, const float* values) = 0;
  virtual status upload_indptr(bool transposed, const uint32_t* indptr) = 0;
  virtual status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                                const float* values) = 0;

  // The cuts of the rows and of the columns; called once, when X is complete.
  virtual partition cut_rows() const = 0;
  virtual partition cut_columns() const = 0;

  // Floats of scratch that one worker needs for any of the calls below.
  virtual int64_t scratch() const = 0;

  // Work over the whole of X that must precede `product` and `update_rows`; false when cancelled.
  virtual bool before_rows(const operands& f, const crew& c) = 0;

  // N = the panel's rows of X times Ht, packed; false when cancelled meanwhile.
  virtual bool product(const operands& f, const crew& c, int64_t first, int64_t count, float* N, float* scratch) = 0;

  // The panel of rows first … first + count of `group`: W is updated, S += W'W, and what `columns` will need is kept.
  // `opens` tells the group's first panel.
  virtual void update_rows(const operands& f, const crew& c, int64_t group, bool opens, int64_t first, int64_t count,
                           float* S, float* scratch) = 0;

  // The same with W as it is.
  virtual void visit_rows(const operands& f, int64_t group, bool opens, int64_t first, int64_t count, float* S) = 0;

  // A = rows first … first + count of X'W, packed.
  virtual void columns(const operands& f, const crew& c, int64_t first, int64_t count, float* A, float* scratch) = 0;
};

} // namespace nonneg
