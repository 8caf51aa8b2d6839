// Tests of the emulator and of the CUDA fit without Node, so that they can run under sanitizers. Usage: check PART…,
// with the parts emulator, fits and overrun; exits with 1 at the first check that fails. fits and overrun need
// NONNEG_CUDA_LIBRARY to name the emulation.
#include "emu.h"

#include "../cuda/cuda.h"
#include "../cuda/device.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

void check(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::exit(1);
}

// Kernels with the faults that the emulator is there to find.

void reversed(float* out, int missing) {
  __shared__ float values[64];
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (!missing)
    __syncthreads();
  out[threadIdx.x] = values[63 - threadIdx.x];
}

void divergent(float* out) {
  if (threadIdx.x < 16)
    __syncthreads();
  out[threadIdx.x] = 1.0f;
}

void two_barriers(float* out) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
    out[threadIdx.x] = 0.0f;
  } else {
    __syncthreads();
    out[threadIdx.x] = 1.0f;
  }
}

bool reverses(int missing) {
  std::vector<float> out(64);
  float* address = out.data();
  void* arguments[] = {&address, &missing};
  check(emu::launch(emu::unpacked<reversed>::call, arguments, {1, 1, 1}, {64, 1, 1}).empty(), "the launch succeeds");
  for (int t = 0; t < 64; t++) {
    if (out[t] != static_cast<float>(63 - t))
      return false;
  }
  return true;
}

void check_emulator() {
  for (const char* order : {"forward", "reverse", "shuffle:1", "shuffle:2"}) {
    setenv("NONNEG_EMU_ORDER", order, 1);
    check(reverses(0), "a right kernel is right in every order");
    check(!reverses(1), "a missing barrier is seen in every order");
    std::vector<float> out(64);
    float* address = out.data();
    void* arguments[] = {&address};
    for (emu::entry wrong : {emu::unpacked<divergent>::call, emu::unpacked<two_barriers>::call}) {
      const std::string fault = emu::launch(wrong, arguments, {1, 1, 1}, {64, 1, 1});
      check(fault.find("barrier that not all threads") != std::string::npos, "a divergent barrier is seen");
    }
    check(reverses(0), "the emulator works on after a fault");
  }
  unsetenv("NONNEG_EMU_ORDER");
}

size_t device_bytes_free() {
  const auto& device = nonneg::cuda::open_device();
  const nonneg::cuda::context_scope scope(device);
  size_t available = 0, total = 0;
  device.api->memory_info(&available, &total);
  return available;
}

struct problem {
  nonneg::fit_shape shape;
  std::vector<float> X, W, Ht;
};

problem make_problem(int64_t rows, int64_t columns, int64_t rank) {
  problem made;
  made.shape.rows = rows;
  made.shape.columns = columns;
  made.shape.rank = rank;
  uint32_t seed = 1;
  auto draw = [&] {
    seed = seed * 1664525u + 1013904223u; // Knuth, The Art of Computer Programming, volume 2, section 3.3.4
    return static_cast<float>(seed >> 8) / 16777216.0f;
  };
  for (int64_t i = 0; i < rows * columns; i++)
    made.X.push_back(draw() < 0.3f ? 0.0f : draw());
  for (int64_t i = 0; i < rows * rank; i++)
    made.W.push_back(draw() + 0.1f);
  for (int64_t i = 0; i < columns * rank; i++)
    made.Ht.push_back(draw() + 0.1f);
  for (float value : made.X)
    made.shape.squared_norm += static_cast<double>(value) * value;
  return made;
}

std::unique_ptr<nonneg::fit> dense_fit(const problem& from) {
  nonneg::status result;
  auto made = nonneg::make_cuda_fit(from.shape, result);
  check(result.ok() && made, "the fit is made");
  check(made->upload_dense(0, from.shape.rows, from.X.data()).ok(), "X goes up");
  check(made->set_factors(from.W.data(), from.Ht.data()).ok(), "the factors go up");
  return made;
}

std::unique_ptr<nonneg::fit> sparse_fit(const problem& from) {
  nonneg::fit_shape shape = from.shape;
  shape.nonzeros = 0;
  for (float value : from.X)
    shape.nonzeros += value != 0.0f;
  nonneg::status result;
  auto made = nonneg::make_cuda_fit(shape, result);
  check(result.ok() && made, "the sparse fit is made");
  for (bool transposed : {false, true}) {
    const int64_t rows = transposed ? shape.columns : shape.rows;
    const int64_t columns = transposed ? shape.rows : shape.columns;
    std::vector<uint32_t> indptr = {0}, indices;
    std::vector<float> values;
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < columns; j++) {
        const float value = from.X[static_cast<size_t>(transposed ? j * rows + i : i * columns + j)];
        if (value == 0.0f)
          continue;
        indices.push_back(static_cast<uint32_t>(j));
        values.push_back(value);
      }
      indptr.push_back(static_cast<uint32_t>(indices.size()));
    }
    check(made->upload_indptr(transposed, indptr.data()).ok(), "indptr goes up");
    check(made->upload_entries(transposed, 0, shape.nonzeros, indices.data(), values.data()).ok(), "entries go up");
  }
  check(made->set_factors(from.W.data(), from.Ht.data()).ok(), "the factors go up");
  return made;
}

double residual(const problem& of, const std::vector<float>& W, const std::vector<float>& H) {
  double sum = 0;
  for (int64_t i = 0; i < of.shape.rows; i++) {
    for (int64_t j = 0; j < of.shape.columns; j++) {
      double value = of.X[static_cast<size_t>(i * of.shape.columns + j)];
      for (int64_t r = 0; r < of.shape.rank; r++) {
        value -= static_cast<double>(W[static_cast<size_t>(i * of.shape.rank + r)]) *
                 H[static_cast<size_t>(r * of.shape.columns + j)];
      }
      sum += 0.5 * value * value;
    }
  }
  return sum;
}

void check_run(const problem& of, nonneg::fit& made) {
  std::vector<float> W(of.W.size()), H(of.Ht.size());
  nonneg::run_report report;
  check(made.run(20, {}, report).ok(), "the run succeeds");
  check(report.losses.size() == 20 && report.seconds.size() == 20, "every iteration is reported");
  for (size_t i = 1; i < 20; i++) {
    check(report.losses[i] <= report.losses[i - 1] * (1 + 1e-5), "the loss does not grow");
    check(report.seconds[i] >= report.seconds[i - 1], "time does not go backwards");
  }
  check(made.factors(W.data(), H.data()).ok(), "the factors come back");
  const double direct = residual(of, W, H);
  check(std::fabs(report.losses.back() - direct) < 1e-4 * of.shape.squared_norm, "the loss is that of the factors");
  double again = 0;
  check(made.evaluate(2, again).ok() && again == report.losses.back(), "evaluating gives the last loss");
  check(made.evaluate(1, again).code == nonneg::status_code::unsupported, "other losses are refused");
}

void check_abort(const problem& of) {
  auto made = dense_fit(of);
  std::atomic<bool> cancelled{false};
  nonneg::run_controls controls;
  controls.cancelled = &cancelled;
  nonneg::run_report report;
  std::thread job([&] { check(made->run(1 << 30, controls, report).ok(), "an aborted run is no error"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  cancelled = true;
  job.join();
  check(report.stopped == nonneg::run_stop::aborted, "the run says that it was aborted");
  check(report.losses.size() == report.seconds.size(), "whole iterations are reported");
}

void check_fits() {
  check(nonneg::probe_cuda().available && nonneg::probe_cuda().emulated, "the emulation is there");
  const size_t before = device_bytes_free();
  const problem small = make_problem(37, 29, 5);
  const problem wide = make_problem(150, 140, 33);
  for (const problem* of : {&small, &wide}) {
    check_run(*of, *dense_fit(*of));
    check_run(*of, *sparse_fit(*of));
  }
  check_abort(small);
  check(device_bytes_free() == before, "the fits give back all memory of the device");

  setenv("NONNEG_EMU_MEMORY", "8000", 1);
  nonneg::status result;
  check(!nonneg::make_cuda_fit(small.shape, result), "a fit beyond the memory is refused");
  check(result.code == nonneg::status_code::memory, "with the code for memory");
  unsetenv("NONNEG_EMU_MEMORY");
  check(device_bytes_free() == before, "what a refused fit took is given back");
}

// Dimensions beyond the buffers: the kernel writes beside its output, which a real device might let pass.
void check_overrun() {
  std::vector<float> X(4, 1.0f), Ht(4, 1.0f), N(1);
  const std::vector<nonneg::cuda_kernel_buffer> buffers = {
      {"X", X.data(), 16, 0, 4}, {"Ht", Ht.data(), 16, 0, 4}, {"N", N.data(), 4, 0, 1}};
  const auto run = [&](int64_t rank) {
    return nonneg::run_cuda_kernel("xht_dense", {{"rows", 1}, {"columns", 4}, {"rank", rank}, {"stride", 4}}, buffers);
  };
  check(run(1).ok() && N[0] == 4.0f, "the right dimensions work");
  const nonneg::status result = run(2);
  check(result.code == nonneg::status_code::device_lost, "a write beside the output is seen");
  check(result.message.find("CUDA_ERROR_ILLEGAL_ADDRESS") != std::string::npos, "and named");
}

} // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; i++) {
    if (std::strcmp(arguments[i], "emulator") == 0)
      check_emulator();
    if (std::strcmp(arguments[i], "fits") == 0)
      check_fits();
    if (std::strcmp(arguments[i], "overrun") == 0)
      check_overrun();
    std::printf("%s passed\n", arguments[i]);
  }
  return 0;
}
