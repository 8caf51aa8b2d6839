// One factorisation that lives on a device of the addon: the CPU's thread pool or a CUDA device. The binding knows this
// interface alone. No exception crosses it: calls return a status, and only the binding throws, in JavaScript.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nonneg {

// The codes are those of the TypeScript layer, without their prefix ERR_NONNEG_.
enum class status_code { ok, memory, device_lost, backend, unsupported };

struct status {
  status_code code = status_code::ok;
  std::string message;
  bool ok() const { return code == status_code::ok; }
};

// X is rows x columns. Dense X is row-major and packed on the device; sparse X comes as CSR together with the CSR of
// its transpose, so that both products gather.
struct fit_shape {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t rank = 0;
  int64_t nonzeros = -1;   // -1: dense
  double squared_norm = 0; // of X, from the caller's float64 scan
  int threads = 1;
  bool fixed_h = false; // iterations update W alone
};

struct run_controls {
  const std::atomic<bool>* cancelled = nullptr; // looked at between row panels
  double deadline = 0; // seconds from the start of the run; no iteration starts after it; 0: none
};

enum class run_stop { done, aborted, deadline };

struct run_report {
  std::vector<double> losses;  // half the squared residual norm after each iteration
  std::vector<double> seconds; // from the start of the run to the end of each iteration
  run_stop stopped = run_stop::done;
};

// Calls on one fit never overlap. Uploads are synchronous copies of pieces that the caller keeps small; run, evaluate
// and factors are called from a job thread.
class fit {
 public:
  virtual ~fit() = default;

  // `count` whole rows from row `first`, packed.
  virtual status upload_dense(int64_t first, int64_t count, const float* values) = 0;

  // The arrays of the CSR (transposed = false) or of the transpose's CSR, in pieces; `first` counts entries.
  virtual status upload_indptr(bool transposed, const uint32_t* indptr) = 0;
  virtual status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                                const float* values) = 0;

  // W is rows x rank, Ht is columns x rank, both packed.
  virtual status set_factors(const float* W, const float* Ht) = 0;

  virtual status run(int iterations, const run_controls& controls, run_report& report) = 0;
  virtual status evaluate(double& loss) = 0;

  // W is rows x rank, H is rank x columns, both packed.
  virtual status factors(float* W, float* H) = 0;
};

} // namespace nonneg
