#include "memory.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

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

#if defined(__linux__)

// The number in a file that holds nothing else; the largest there is where it says "max" or is not there.
uint64_t number_in(const std::string& path) {
  uint64_t number = UINT64_MAX;
  if (FILE* const file = fopen(path.c_str(), "re")) {
    if (fscanf(file, "%" SCNu64, &number) != 1)
      number = UINT64_MAX;
    fclose(file);
  }
  return number;
}

// The least limit of a group and of those that it is in. Inside a container the path may be that of outside, and the
// group's own files lie at the root.
uint64_t least_limit(const std::string& root, std::string path, const char* name) {
  uint64_t least = UINT64_MAX;
  for (;;) {
    while (!path.empty() && path.back() == '/')
      path.pop_back();
    least = std::min(least, number_in(root + path + "/" + name));
    if (path.empty())
      return least;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

// Lines are "0::path" for version 2 and "number:controllers:path" for version 1.
uint64_t group_limit() {
  uint64_t least = UINT64_MAX;
  FILE* const file = fopen("/proc/self/cgroup", "re");
  char line[4096];
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    const char* const controllers = strchr(line, ':');
    const char* const path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path)
      continue;
    const std::string list(controllers + 1, path);
    if (list.empty()) {
      least = std::min(least, least_limit("/sys/fs/cgroup", path + 1, "memory.max"));
    } else if (("," + list + ",").find(",memory,") != std::string::npos) {
      least = std::min(least, least_limit("/sys/fs/cgroup/memory", path + 1, "memory.limit_in_bytes"));
    }
  }
  if (file)
    fclose(file);
  return least;
}

#else

uint64_t group_limit() {
  return UINT64_MAX;
}

#endif

} // namespace

uint64_t memory_limit() {
  const uint64_t machine = physical_memory(), group = group_limit();
  return machine > 0 ? std::min(machine, group) : group == UINT64_MAX ? 0 : group;
}

bool machine_has(double bytes) {
  const double machine = double(memory_limit());
  return machine <= 0 || bytes <= machine;
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
