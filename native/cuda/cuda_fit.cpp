// A whole factorisation on the device. X, W and Ht stay there; an iteration is a dozen launches on one stream, and the
// host reads nothing back between them: the two inner products of each loss collect in a ring.
#include "launch.h"
#include "pacer.h"

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

constexpr int64_t RING = 256; // iterations between two readings of the losses

struct sparse_side {
  explicit sparse_side(const device& on) : indptr(on), indices(on), values(on) {}
  device_memory indptr, indices, values;
  std::vector<int64_t> panels; // row bounds, from 0 to the number of rows
};

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
    if (!held->work.ok())
      return held->work.outcome();
    const int64_t rows = shape.rows, columns = shape.columns, rank = shape.rank;
    int64_t workspace = std::max(plan_gram(rows, rank).workspace(), plan_gram(columns, rank).workspace());
    std::vector<std::pair<device_memory*, int64_t>> wanted; // in words of four bytes
    int64_t x_words = 0;
    if (sparse()) {
      x_words = rows + columns + 2 + 4 * shape.nonzeros;
      for (int side = 0; side < 2; side++) {
        sparse_side& part = held->sparse[side];
        wanted.insert(wanted.end(), {{&part.indptr, (side == 0 ? rows : columns) + 1},
                                     {&part.indices, shape.nonzeros},
                                     {&part.values, shape.nonzeros}});
      }
    } else {
      x_words = rows * columns;
      wanted.push_back({&held->X, x_words});
      cut_dense();
      for (int64_t panel : {panel_rows, rows % panel_rows}) {
        workspace = std::max(workspace, plan_product(panel, rank, columns).workspace());
        workspace = std::max(workspace, plan_product(columns, rank, panel).workspace());
      }
    }
    wanted.insert(wanted.end(), {{&held->W, rows * rank},
                                 {&held->N, rows * rank},
                                 {&held->Ht, columns * rank},
                                 {&held->spare, (shape.fixed_h ? rows : columns) * rank},
                                 {&held->A, shape.fixed_h ? 0 : columns * rank},
                                 {&held->G, rank * rank},
                                 {&held->S, rank * rank},
                                 {&held->workspace, workspace},
                                 {&held->parts, 2 * DOT_PARTS},
                                 {&held->ring, 4 * RING}});
    double total = 0;
    for (const auto& [memory, words] : wanted)
      total += 4.0 * static_cast<double>(words);
    size_t available = 0, all = 0;
    on.api->memory_info(&available, &all);
    for (const auto& [memory, words] : wanted) {
      const result error = memory->allocate(static_cast<size_t>(words) * 4);
      if (error == SUCCESS)
        continue;
      return status_of(*on.api, error,
                       "this fit needs " + mebibytes(total) + " on the device (X " +
                           mebibytes(4.0 * static_cast<double>(x_words)) + "), of which " +
                           mebibytes(static_cast<double>(available)) + " of " + mebibytes(static_cast<double>(all)) +
                           " are free");
    }
    return {};
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
      going = shape.fixed_h ? update_W_alone() : update_W() && update_Ht();
      if (!going)
        break;
      queue_loss(queued % RING);
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
    gram_of_W();
    if (!shape.fixed_h)
      multiply_by_W();
    queue_loss(0);
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
  struct holdings {
    explicit holdings(const device& on)
        : work(on), pace(on, work), X(on), sparse{sparse_side(on), sparse_side(on)}, W(on), N(on), Ht(on), spare(on),
          A(on), G(on), S(on), workspace(on), parts(on), ring(on) {}
    queue work;
    pacer pace;
    device_memory X;
    sparse_side sparse[2]; // X, its transpose
    device_memory W, N, Ht, spare, A, G, S, workspace, parts, ring;
  };

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

  // Each takes the result in the place of a buffer that nobody reads any more: N after W's update, the spare one after
  // Hᵀ's, since the loss needs A with the new Hᵀ.
  bool update_W() {
    if (!multiply_by_Ht())
      return false;
    mu_update(held->work, held->W.address(), held->N.address(), held->G.address(), held->N.address(), shape.rows,
              shape.rank);
    held->W.swap(held->N);
    return true;
  }

  bool update_Ht() {
    gram_of_W();
    if (!multiply_by_W())
      return false;
    mu_update(held->work, held->Ht.address(), held->A.address(), held->S.address(), held->spare.address(),
              shape.columns, shape.rank);
    held->Ht.swap(held->spare);
    gram_is_current = false;
    bring_gram();
    return true;
  }

  // With H fixed, N stays and X is not read again.
  bool update_W_alone() {
    mu_update(held->work, held->W.address(), held->N.address(), held->G.address(), held->spare.address(), shape.rows,
              shape.rank);
    held->W.swap(held->spare);
    gram_of_W();
    return true;
  }

  // What a run finds in place before its first iteration.
  bool bring_fixed() {
    bring_gram();
    if (shape.fixed_h && !product_is_current)
      product_is_current = multiply_by_Ht();
    return product_is_current || !shape.fixed_h;
  }

  // G = HHᵀ, unless it is that of Ht already.
  void bring_gram() {
    if (gram_is_current)
      return;
    gram(held->work, held->Ht.address(), held->G.address(), shape.columns, shape.rank, false,
         held->workspace.address());
    gram_is_current = true;
  }

  // S = WᵀW
  void gram_of_W() {
    gram(held->work, held->W.address(), held->S.address(), shape.rows, shape.rank, false, held->workspace.address());
  }

  // N = X·Hᵀ
  bool multiply_by_Ht() {
    if (sparse())
      return gather(held->sparse[0], held->Ht, held->N);
    for (int64_t first = 0; first < shape.rows; first += panel_rows) {
      if (first > 0 && !proceed())
        return false;
      const int64_t rows = std::min(panel_rows, shape.rows - first);
      xht_dense(held->work, float_at(held->X, first * shape.columns), held->Ht.address(),
                float_at(held->N, first * shape.rank), rows, shape.columns, shape.rank, shape.columns,
                held->workspace.address());
    }
    return true;
  }

  // A = XᵀW
  bool multiply_by_W() {
    if (sparse())
      return gather(held->sparse[1], held->W, held->A);
    for (int64_t first = 0; first < std::max<int64_t>(shape.rows, 1); first += panel_rows) {
      if (first > 0 && !proceed())
        return false;
      const int64_t rows = std::min(panel_rows, shape.rows - first);
      xtw_dense(held->work, float_at(held->X, first * shape.columns), float_at(held->W, first * shape.rank),
                held->A.address(), rows, shape.columns, shape.rank, shape.columns, first > 0,
                held->workspace.address());
    }
    return true;
  }

  bool gather(const sparse_side& side, const device_memory& factor, const device_memory& product) {
    for (size_t panel = 1; panel < side.panels.size(); panel++) {
      if (panel > 1 && !proceed())
        return false;
      const int64_t first = side.panels[panel - 1];
      xht_csr(held->work, float_at(side.indptr, first), side.indices.address(), side.values.address(), factor.address(),
              float_at(product, first * shape.rank), side.panels[panel] - first, shape.rank);
    }
    return true;
  }

  // ring[2·slot] = ⟨XᵀW, Hᵀ⟩ = ⟨W, XHᵀ⟩, ring[2·slot + 1] = ⟨WᵀW, HHᵀ⟩
  void queue_loss(int64_t slot) {
    const device_address at = held->ring.address() + static_cast<device_address>(slot) * 2 * sizeof(double);
    const device_address parts = held->parts.address();
    if (shape.fixed_h)
      dot(held->work, held->N.address(), held->W.address(), at, shape.rows * shape.rank, parts);
    else
      dot(held->work, held->A.address(), held->Ht.address(), at, shape.columns * shape.rank, parts);
    dot(held->work, held->S.address(), held->G.address(), at + sizeof(double), shape.rank * shape.rank, parts);
  }

  // Appends the losses of the ring's first `count` slots.
  void read_losses(int64_t count, std::vector<double>& losses) {
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
