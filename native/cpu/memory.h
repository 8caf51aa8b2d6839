// Memory of the fit: aligned to cache lines, on huge pages where the system has them (a matrix of X's size misses the
// TLB at every row otherwise), and never with an exception.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nonneg {

// Bytes of memory that the machine has, or that the process may take where its control groups allow it less; 0 where
// that is not known.
uint64_t memory_limit();

// An allocation beyond what there is may succeed and fail when it is written to, by a signal.
bool machine_has(double bytes);

// Asks for huge pages under memory that nobody has written to yet; small memory stays as it is.
void advise_huge_pages(void* memory, size_t bytes);

void* allocate_bytes(size_t bytes);
void free_bytes(void* memory);

template<class T> class buffer {
 public:
  buffer() = default;
  ~buffer() { free_bytes(memory); }
  buffer(buffer&& other) noexcept : memory(other.memory) { other.memory = nullptr; }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;

  // Uninitialised; false when there is no memory. What was held before is freed.
  bool allocate(int64_t count) {
    free_bytes(memory);
    memory = nullptr;
    if (count < 0 || uint64_t(count) > (SIZE_MAX - 4096) / sizeof(T))
      return false;
    memory = static_cast<T*>(allocate_bytes(size_t(count) * sizeof(T)));
    return memory != nullptr;
  }

  T* get() const { return memory; }
  T& operator[](int64_t index) const { return memory[index]; }

 private:
  T* memory = nullptr;
};

} // namespace nonneg
