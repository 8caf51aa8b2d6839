// One kernel on host memory, for conformance and benchmarks.
#include "launch.h"

#include <algorithm>
#include <memory>
#include <new>

namespace nonneg {

namespace {

using namespace cuda;

constexpr int64_t WORD = 4; // bytes of f32 and u32

class call {
 public:
  call(const device& on, const std::vector<std::pair<std::string, int64_t>>& dims,
       const std::vector<cuda_kernel_buffer>& buffers)
      : on(on), work(on), space(on), dims(dims), buffers(buffers) {}

  status run(const std::string& name) {
    for (const cuda_kernel_buffer& buffer : buffers) {
      const device_address copy = allocate(buffer.bytes);
      copies.push_back(copy);
      work.upload(copy, buffer.data, static_cast<size_t>(buffer.bytes));
    }
    start(name);
    for (size_t i = 0; i < buffers.size(); i++) {
      work.download(buffers[i].data, copies[i], static_cast<size_t>(buffers[i].bytes));
    }
    return work.outcome();
  }

 private:
  void start(const std::string& name) {
    const int64_t rows = dim("rows"), columns = dim("columns"), rank = dim("rank"), stride = dim("stride");
    const int64_t length = name == "xht_dense" ? rows * rank : columns * rank;
    if (name == "xht_dense") {
      const device_address workspace = floats(plan_product(rows, rank, columns).shares());
      const shares made =
          xht_dense(work, at("X"), at("Ht"), at("N"), rows, columns, rank, stride, workspace, gram_task{});
      if (made.count > 1)
        add_shares(work, made, at("N"), length, false);
    } else if (name == "xtw_dense") {
      const device_address workspace = floats(plan_product(columns, rank, rows).shares());
      const shares made =
          xtw_dense(work, at("X"), at("W"), workspace, rows, columns, rank, stride, workspace, gram_task{});
      add_shares(work, made, at("A"), length, true);
    } else if (name == "xht_csr") {
      xht_csr(work, at("indptr"), at("indices"), at("values"), at("Ht"), at("N"), rows, rank,
              dim("nonzeros") / std::max<int64_t>(rows, 1), gram_task{});
    } else if (name == "gram") {
      space.plan(rows, rank);
      work.fail(status_of(*on.api, space.allocate(), "allocating the shares of a Gram matrix"));
      space.clear(work);
      gram_task task = gram_of(space, at("F"), at("G"), rows, rank);
      task.accumulate = 1;
      gram(work, task);
    } else if (name == "mu_update") {
      const device_address out = floats(rows * rank);
      mu_update(work, at("F"), {at("N"), 1}, at("G"), out, rows, rank, 0);
      work.copy(at("F"), out, static_cast<size_t>(rows * rank * WORD));
    } else if (name == "dot") {
      dot(work, at("a"), at("b"), at("sum", 8), dim("length"), floats(2 * DOT_PARTS));
    } else {
      work.fail({status_code::unsupported, "CUDA: no kernel " + name});
    }
  }

  // 0 where the kernel has no such dimension.
  int64_t dim(const char* name) const {
    for (const auto& [known, value] : dims) {
      if (known == name)
        return value;
    }
    return 0;
  }

  device_address at(const char* name, int64_t element_bytes = WORD) {
    for (size_t i = 0; i < buffers.size(); i++) {
      if (buffers[i].name == name)
        return copies[i] + static_cast<device_address>(buffers[i].offset * element_bytes);
    }
    work.fail({status_code::backend, std::string("CUDA: the call has no buffer ") + name});
    return 0;
  }

  device_address floats(int64_t count) { return allocate(count * WORD); }

  device_address allocate(int64_t bytes) {
    owned.push_back(std::make_unique<device_memory>(on));
    const result error = owned.back()->allocate(static_cast<size_t>(bytes));
    work.fail(status_of(*on.api, error, "allocating " + mebibytes(static_cast<double>(bytes))));
    return owned.back()->address();
  }

  const device& on;
  queue work;
  gram_space space;
  const std::vector<std::pair<std::string, int64_t>>& dims;
  const std::vector<cuda_kernel_buffer>& buffers;
  std::vector<std::unique_ptr<device_memory>> owned;
  std::vector<device_address> copies;
};

} // namespace

status run_cuda_kernel(const std::string& name, const std::vector<std::pair<std::string, int64_t>>& dims,
                       const std::vector<cuda_kernel_buffer>& buffers) {
  const device& on = open_device();
  if (!on.probe.available)
    return {status_code::backend, on.probe.reason};
  const context_scope scope(on);
  return call(on, dims, buffers).run(name);
}

} // namespace nonneg
