#include "memory.h"

#include <cstdlib>

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace nonneg {

namespace {

constexpr size_t line = 64;
constexpr size_t huge_page = size_t(1) << 21;

} // namespace

uint64_t physical_memory() {
#if defined(_WIN32)
  MEMORYSTATUSEX memory = {};
  memory.dwLength = sizeof memory;
  return GlobalMemoryStatusEx(&memory) ? memory.ullTotalPhys : 0;
#else
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size) : 0;
#endif
}

void advise_huge_pages(void* memory, size_t bytes) {
#if defined(__linux__)
  const uintptr_t from = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (from + huge_page - 1) / huge_page * huge_page;
  const uintptr_t last = (from + bytes) / huge_page * huge_page;
  if (first < last)
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

void* allocate_bytes(size_t bytes) {
  const bool large = bytes >= 2 * huge_page;
  const size_t alignment = large ? huge_page : line;
  const size_t rounded = (bytes + line) / line * line;
#if defined(_WIN32)
  return _aligned_malloc(rounded, alignment);
#else
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, rounded) != 0)
    return nullptr;
  if (large)
    advise_huge_pages(memory, rounded);
  return memory;
#endif
}

void free_bytes(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  free(memory);
#endif
}

} // namespace nonneg
