// A whole factorisation on the device. X, W and Ht stay there; an iteration is a handful of launches on one stream, and
// the host reads nothing back between them: the two inner products of each loss collect in a ring. At small sizes a
// launch costs more than its arithmetic, so nothing is launched alone that can travel with another kernel: updates add
// the shares of their product themselves and leave those of the loss, and Gram matrices are made beside products.
#include "holdings.h"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace nonneg {

namespace {

using namespace cuda;

// No launch may take much longer than 10 ms, or aborts would wait for it: X is walked in panels of rows, of at most so
// many operations and bytes. Gathers run at memory speed, dense tiles near arithmetic speed, the emulation at neither.
constexpr double DENSE_PANEL_FLOPS = 1e11;
constexpr double DENSE_PANEL_BYTES = 2e9;
constexpr double SPARSE_PANEL_FLOPS = 4e9;
constexpr double EMULATED_SHARE = 1e-6;
constexpr int64_t PANEL_MULTIPLE = 128;

class cuda_fit final : public fit {
 public:
  cuda_fit(const device& on, const fit_shape& shape) : on(on), shape(shape) {}

  ~cuda_fit() override {
    const context_scope scope(on);
    held.reset();
  }

  status allocate() {
    const context_scope scope(on);
    held = std::make_unique<holdings>(on);
    if (!sparse())
      cut_dense();
    return held->allocate(shape, panel_rows);
  }

  status upload_dense(int64_t first, int64_t count, const void* values) override {
    const context_scope scope(on);
    const int64_t start = first * shape.columns;
    held->work.upload(float_at(held->X, start), values, bytes_of(count * shape.columns));
    return held->work.outcome();
  }

  status upload_indptr(bool transposed, const uint32_t* indptr) override {
    const context_scope scope(on);
    const int64_t rows = transposed ? shape.columns : shape.rows;
    sparse_side& side = held->sparse[transposed];
    held->work.upload(side.indptr.address(), indptr, bytes_of(rows + 1));
    const double entries = share() * SPARSE_PANEL_FLOPS / (2.0 * static_cast<double>(shape.rank));
    side.panels = {0};
    for (int64_t row = 1; row < rows; row++) {
      if (indptr[row + 1] - indptr[side.panels.back()] > entries)
        side.panels.push_back(row);
    }
    side.panels.push_back(rows);
    return held->work.outcome();
  }

  status upload_entries(bool transposed, int64_t first, int64_t count, const uint32_t* indices,
                        const void* values) override {
    const context_scope scope(on);
    sparse_side& side = held->sparse[transposed];
    held->work.upload(float_at(side.indices, first), indices, bytes_of(count));
    held->work.upload(float_at(side.values, first), values, bytes_of(count));
    return held->work.outcome();
  }

  status set_factors(const void* W, const void* Ht) override {
    const context_scope scope(on);
    held->work.upload(held->W.address(), W, bytes_of(shape.rows * shape.rank));
    held->work.upload(held->Ht.address(), Ht, bytes_of(shape.columns * shape.rank));
    gram_is_current = false;
    product_is_current = false;
    awaited_loss = -1;
    return held->work.outcome();
  }

  status run(int iterations, const run_controls& controls, run_report& report) override {
    const context_scope scope(on);
    cancelled = controls.cancelled;
    report = {};
    held->pace.start(report.seconds);
    bool going = bring_fixed();
    int64_t queued = 0;
    for (; queued < iterations && going && held->work.ok(); queued++) {
      if (is_cancelled())
        break;
      if (queued > 0 && controls.deadline > 0 && held->pace.next_begin() > controls.deadline) {
        report.stopped = run_stop::deadline;
        break;
      }
      if (queued > 0 && queued % RING == 0)
        read_losses(RING, report.losses);
      const int64_t slot = queued % RING;
      going = shape.fixed_h ? update_W_alone(slot) : update_W() && update_Ht(slot);
      if (!going)
        break;
      held->pace.mark(true);
    }
    if (queued < iterations && report.stopped == run_stop::done)
      report.stopped = run_stop::aborted;
    held->pace.drain();
    read_losses(queued - static_cast<int64_t>(report.losses.size()), report.losses);
    return held->work.outcome();
  }

  status evaluate(double beta, double& loss) override {
    if (beta != 2)
      return {status_code::unsupported, "CUDA has kernels for the Frobenius loss (beta = 2) alone"};
    const context_scope scope(on);
    cancelled = nullptr;
    std::vector<double> ends, losses;
    held->pace.start(ends);
    bring_fixed();
    if (shape.fixed_h) {
      products_alone(held->work, held->W.address(), {held->N.address(), 1}, shape.rows, shape.rank,
                     held->products.address());
      gram(held->work, with_loss(gram_of_W(), held->G, 0));
    } else {
      shares A{};
      multiply_by_W(A);
      products_alone(held->work, held->Ht.address(), A, shape.columns, shape.rank, held->products.address());
      gram(held->work, with_loss(gram_of_Ht(), held->S, 0));
      gram_is_current = true;
    }
    held->pace.drain();
    read_losses(1, losses);
    if (held->work.ok())
      loss = losses[0];
    return held->work.outcome();
  }

  status factors(void* W, void* to_H) override {
    const context_scope scope(on);
    const int64_t columns = shape.columns, rank = shape.rank;
    const std::unique_ptr<float[]> Ht(new (std::nothrow) float[static_cast<size_t>(columns * rank)]);
    if (!Ht)
      return {status_code::memory, "no memory on the host for a copy of H"};
    held->work.download(W, held->W.address(), bytes_of(shape.rows * rank));
    held->work.download(Ht.get(), held->Ht.address(), bytes_of(columns * rank));
    // in tiles, so that neither side strides through memory
    constexpr int64_t tile = 32;
    float* const H = static_cast<float*>(to_H);
    for (int64_t first = 0; first < columns; first += tile) {
      for (int64_t r = 0; r < rank; r++) {
        for (int64_t j = first; j < std::min(columns, first + tile); j++)
          H[r * columns + j] = Ht[j * rank + r];
      }
    }
    return held->work.outcome();
  }

 private:
  double share() const { return on.probe.emulated ? EMULATED_SHARE : 1; }
  bool sparse() const { return shape.nonzeros >= 0; }
  bool is_cancelled() const { return cancelled && cancelled->load(std::memory_order_relaxed); }
  static size_t bytes_of(int64_t words) { return static_cast<size_t>(words) * 4; }
  static device_address float_at(const device_memory& memory, int64_t element) {
    return memory.address() + static_cast<device_address>(element) * 4;
  }

  void cut_dense() {
    const double row = static_cast<double>(std::max<int64_t>(shape.columns, 1));
    const double most = std::min(share() * DENSE_PANEL_FLOPS / (2 * row * static_cast<double>(shape.rank)),
                                 DENSE_PANEL_BYTES / (4 * row));
    const double tiles = std::max(1.0, most / static_cast<double>(PANEL_MULTIPLE));
    panel_rows = static_cast<int64_t>(std::min(tiles, 1e9)) * PANEL_MULTIPLE;
    panel_rows = std::max<int64_t>(1, std::min(panel_rows, shape.rows));
  }

  // Between panels: false where the run is to end here.
  bool proceed() {
    held->pace.mark(false);
    return held->work.ok() && !is_cancelled();
  }

  // Each takes the result in the place of a buffer that nobody reads any more: of the product it was made from, or,
  // with H fixed, where that product stays, of the spare one.
  bool update_W() {
    shares N{};
    if (!multiply_by_Ht(N))
      return false;
    mu_update(held->work, held->W.address(), N, held->G.address(), held->N.address(), shape.rows, shape.rank, 0);
    held->W.swap(held->N);
    return true;
  }

  // The loss of that slot awaits the Gram matrix of the new Hᵀ, which nothing needs before the next update of W.
  bool update_Ht(int64_t slot) {
    shares A{};
    if (!multiply_by_W(A))
      return false;
    mu_update(held->work, held->Ht.address(), A, held->S.address(), held->A.address(), shape.columns, shape.rank,
              held->products.address());
    held->Ht.swap(held->A);
    gram_is_current = false;
    awaited_loss = slot;
    return true;
  }

  // With H fixed, N stays and X is not read again.
  bool update_W_alone(int64_t slot) {
    mu_update(held->work, held->W.address(), {held->N.address(), 1}, held->G.address(), held->spare.address(),
              shape.rows, shape.rank, held->products.address());
    held->W.swap(held->spare);
    gram(held->work, with_loss(gram_of_W(), held->G, slot));
    return true;
  }

  // What a run with H fixed finds in place before its first iteration.
  bool bring_fixed() {
    if (!shape.fixed_h || product_is_current)
      return true;
    shares N{};
    product_is_current = multiply_by_Ht(N);
    if (product_is_current && N.start != held->N.address())
      add_shares(held->work, N, held->N.address(), shape.rows * shape.rank, false);
    return product_is_current;
  }

  // S = WᵀW
  gram_task gram_of_W() const {
    return gram_of(held->space, held->W.address(), held->S.address(), shape.rows, shape.rank);
  }

  // G = HHᵀ
  gram_task gram_of_Ht() const {
    return gram_of(held->space, held->Ht.address(), held->G.address(), shape.columns, shape.rank);
  }

  // ring[2·slot] = ⟨XᵀW, Hᵀ⟩ = ⟨W, XHᵀ⟩, whose shares the last update left, ring[2·slot + 1] = ⟨WᵀW, HHᵀ⟩
  gram_task with_loss(gram_task task, const device_memory& other, int64_t slot) const {
    const device_address at = held->ring.address() + static_cast<device_address>(slot) * 2 * sizeof(double);
    add_loss(task, other.address(), held->products.address(), loss_products(shape), at);
    return task;
  }

  // The Gram matrix of Ht with the loss that awaits it, or no task where both are there.
  gram_task missing_gram() {
    if (gram_is_current)
      return {};
    gram_is_current = true;
    const int64_t slot = awaited_loss;
    awaited_loss = -1;
    return slot < 0 ? gram_of_Ht() : with_loss(gram_of_Ht(), held->S, slot);
  }

  // N = X·Hᵀ, and G where it is missing
  bool multiply_by_Ht(shares& N) {
    N = {held->N.address(), 1};
    if (sparse())
      return gather(held->sparse[0], held->Ht, held->N, missing_gram());
    for (int64_t first = 0; first < std::max<int64_t>(shape.rows, 1); first += panel_rows) {
      if (first > 0 && !proceed())
        return false;
      const int64_t rows = std::min(panel_rows, shape.rows - first);
      const device_address out = float_at(held->N, first * shape.rank);
      const shares made =
          xht_dense(held->work, float_at(held->X, first * shape.columns), held->Ht.address(), out, rows, shape.columns,
                    shape.rank, shape.columns, held->workspace.address(), missing_gram());
      if (rows == shape.rows)
        N = made;
      else if (made.start != out)
        add_shares(held->work, made, out, rows * shape.rank, false);
    }
    return true;
  }

  // A = XᵀW, and S
  bool multiply_by_W(shares& A) {
    A = {held->A.address(), 1};
    if (sparse())
      return gather(held->sparse[1], held->W, held->A, gram_of_W());
    for (int64_t first = 0; first < std::max<int64_t>(shape.rows, 1); first += panel_rows) {
      if (first > 0 && !proceed())
        return false;
      const int64_t rows = std::min(panel_rows, shape.rows - first);
      const bool whole = rows == shape.rows;
      const shares made =
          xtw_dense(held->work, float_at(held->X, first * shape.columns), float_at(held->W, first * shape.rank),
                    whole ? held->A.address() : held->workspace.address(), rows, shape.columns, shape.rank,
                    shape.columns, held->workspace.address(), first == 0 ? gram_of_W() : gram_task{});
      if (whole)
        A = made;
      else
        add_shares(held->work, made, held->A.address(), shape.columns * shape.rank, first > 0);
    }
    return true;
  }

  bool gather(const sparse_side& side, const device_memory& factor, const device_memory& product, gram_task beside) {
    for (size_t panel = 1; panel < side.panels.size(); panel++) {
      if (panel > 1 && !proceed())
        return false;
      const int64_t first = side.panels[panel - 1];
      xht_csr(held->work, float_at(side.indptr, first), side.indices.address(), side.values.address(), factor.address(),
              float_at(product, first * shape.rank), side.panels[panel] - first, shape.rank,
              shape.nonzeros / std::max<int64_t>(side.panels.back(), 1), beside);
      beside = {};
    }
    return true;
  }

  // Appends the losses of the ring's first `count` slots.
  void read_losses(int64_t count, std::vector<double>& losses) {
    gram(held->work, missing_gram());
    std::vector<double> products(static_cast<size_t>(2 * count));
    held->work.download(products.data(), held->ring.address(), products.size() * sizeof(double));
    if (!held->work.ok())
      return;
    for (size_t i = 0; i < products.size(); i += 2) {
      const double loss = 0.5 * shape.squared_norm - products[i] + 0.5 * products[i + 1];
      losses.push_back(loss < 0 ? 0 : loss);
    }
  }

  const device& on;
  const fit_shape shape;
  std::unique_ptr<holdings> held;
  int64_t panel_rows = 1;
  bool gram_is_current = false;    // G is that of Ht
  int64_t awaited_loss = -1;       // slot of a loss that awaits G, or none
  bool product_is_current = false; // with H fixed: N is that of Ht
  const std::atomic<bool>* cancelled = nullptr;
};

} // namespace

std::unique_ptr<fit> make_cuda_fit(const fit_shape& shape, status& result) {
  const device& on = open_device();
  if (!on.probe.available) {
    result = {status_code::backend, on.probe.reason};
    return nullptr;
  }
  if (shape.rank > MAXIMUM_RANK) {
    result = {status_code::unsupported, "CUDA: ranks end at " + std::to_string(MAXIMUM_RANK)};
    return nullptr;
  }
  auto made = std::make_unique<cuda_fit>(on, shape);
  result = made->allocate();
  if (!result.ok())
    return nullptr;
  return made;
}

} // namespace nonneg
