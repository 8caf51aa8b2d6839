#include "emu.h"

#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <ucontext.h>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

// bounds of the section that holds every __shared__ variable, made by the linker
extern "C" char __start_emu_shared[];
extern "C" char __stop_emu_shared[];

namespace emu {

extent thread_place, block_place, block_size, grid_size;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr size_t STACK_BYTES = 256 * 1024;
#else
constexpr size_t STACK_BYTES = 64 * 1024;
#endif

enum class state { ready, waiting, done };

struct fiber {
  jmp_buf resume;
  ucontext_t first;
  std::unique_ptr<char[]> stack{new char[STACK_BYTES]};
  void* fake_stack = nullptr;
  bool started = false;
  extent place{};
  state now = state::ready;
  const char* file = nullptr;
  int line = 0;
};

// One launch at a time: shared memory and the current place are globals, as they are for the kernels' source.
std::mutex launching;
std::vector<std::unique_ptr<fiber>> fibers;
fiber* current = nullptr;
jmp_buf scheduler;
#ifdef __SANITIZE_ADDRESS__
const void* scheduler_stack = nullptr;
size_t scheduler_stack_bytes = 0;
#endif
entry running = nullptr;
void** running_arguments = nullptr;

// A fiber is suspended here. _setjmp rather than swapcontext, which makes two system calls a switch.
void give_way() {
  fiber* self = current;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&self->fake_stack, scheduler_stack, scheduler_stack_bytes);
#endif
  if (_setjmp(self->resume) == 0)
    _longjmp(scheduler, 1);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(self->fake_stack, &scheduler_stack, &scheduler_stack_bytes);
#endif
}

void live() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
#endif
  for (;;) {
    running(running_arguments);
    current->now = state::done;
    give_way();
  }
}

void resume(fiber& next) {
  current = &next;
  thread_place = next.place;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, next.stack.get(), STACK_BYTES);
#endif
  if (_setjmp(scheduler) == 0) {
    if (next.started)
      _longjmp(next.resume, 1);
    next.started = true;
    getcontext(&next.first);
    next.first.uc_stack.ss_sp = next.stack.get();
    next.first.uc_stack.ss_size = STACK_BYTES;
    next.first.uc_link = nullptr;
    makecontext(&next.first, live, 0);
    setcontext(&next.first);
  }
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

// The order in which blocks and threads run, drawn from the environment at every launch.
class ordering {
 public:
  ordering() {
    const char* wanted = std::getenv("NONNEG_EMU_ORDER");
    reversed = wanted && std::strcmp(wanted, "reverse") == 0;
    shuffled = wanted && std::strncmp(wanted, "shuffle", 7) == 0;
    if (shuffled && wanted[7] == ':')
      seed = std::strtoull(wanted + 8, nullptr, 10) * 2 + 1;
  }

  std::vector<size_t> of(size_t count) {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    for (size_t i = count; i > 1 && shuffled; i--)
      std::swap(order[i - 1], order[draw() % i]);
    for (size_t i = 0; i < count / 2 && reversed; i++)
      std::swap(order[i], order[count - 1 - i]);
    return order;
  }

 private:
  // xorshift64*, Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2016)
  uint64_t draw() {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * 0x2545f4914f6cdd1dull) >> 32;
  }

  bool reversed = false;
  bool shuffled = false;
  uint64_t seed = 1;
};

extent unpacked_place(size_t at, const extent& size) {
  return {static_cast<unsigned>(at % size.x), static_cast<unsigned>(at / size.x % size.y),
          static_cast<unsigned>(at / size.x / size.y)};
}

std::string place_of(const fiber& thread) {
  return std::string(thread.file) + ":" + std::to_string(thread.line);
}

// After each thread had its turn: all done (true), or all at one barrier, which then opens.
std::string open_barrier(size_t threads, bool& finished) {
  const fiber& first = *fibers[0];
  for (size_t t = 0; t < threads; t++) {
    const fiber& thread = *fibers[t];
    if (thread.now == first.now && (first.now == state::done || thread.line == first.line))
      continue;
    const fiber& waiting = thread.now == state::waiting ? thread : first;
    return "a barrier that not all threads of the block reach, at " + place_of(waiting);
  }
  finished = first.now == state::done;
  for (size_t t = 0; t < threads; t++)
    fibers[t]->now = state::ready;
  return "";
}

std::string run_block(size_t threads, ordering& order) {
  std::memset(__start_emu_shared, 0xff, static_cast<size_t>(__stop_emu_shared - __start_emu_shared));
  for (size_t t = 0; t < threads; t++) {
    fibers[t]->place = unpacked_place(t, block_size);
    fibers[t]->now = state::ready;
  }
  for (bool finished = false; !finished;) {
    for (size_t t : order.of(threads))
      resume(*fibers[t]);
    const std::string wrong = open_barrier(threads, finished);
    if (!wrong.empty())
      return wrong;
  }
  return "";
}

} // namespace

void barrier(const char* file, int line) {
  current->file = file;
  current->line = line;
  current->now = state::waiting;
  give_way();
}

std::string launch(entry kernel, void** arguments, extent grid, extent block) {
  const std::lock_guard<std::mutex> lock(launching);
  running = kernel;
  running_arguments = arguments;
  grid_size = grid;
  block_size = block;
  const size_t threads = size_t{block.x} * block.y * block.z;
  while (fibers.size() < threads)
    fibers.push_back(std::make_unique<fiber>());
  ordering order;
  for (size_t at : order.of(size_t{grid.x} * grid.y * grid.z)) {
    block_place = unpacked_place(at, grid);
    const std::string wrong = run_block(threads, order);
    if (wrong.empty())
      continue;
    // the fibers hang somewhere in the middle of the kernel
    fibers.clear();
    return wrong + ", block " + std::to_string(at);
  }
  return "";
}

} // namespace emu
