// A piece of the emulated device's memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace emu {

constexpr size_t GUARD = 256;

// Words of the guard zones: a signalling NaN, which no arithmetic gives back as it was.
constexpr unsigned char GUARD_BYTES[] = {0xa5, 0xa5, 0xa5, 0x7f};

// Under AddressSanitizer the guard zones are out of bounds, and an access names its line in the .cu; elsewhere writes
// are seen when the kernel has ended.
struct device_block {
  explicit device_block(size_t bytes) : bytes(bytes), storage(new unsigned char[bytes + 2 * GUARD]) {
    std::memset(storage.get() + GUARD, 0xff, bytes);
    for (unsigned char* zone : {storage.get(), storage.get() + GUARD + bytes}) {
      for (size_t i = 0; i < GUARD; i++)
        zone[i] = GUARD_BYTES[i % 4];
    }
#ifdef __SANITIZE_ADDRESS__
    ASAN_POISON_MEMORY_REGION(storage.get(), GUARD);
    ASAN_POISON_MEMORY_REGION(storage.get() + GUARD + bytes, GUARD);
#endif
  }

  unsigned char* start() const {
    return storage.get() + GUARD;
  }

  bool guards_hold() const {
#ifndef __SANITIZE_ADDRESS__
    for (const unsigned char* zone : {storage.get(), storage.get() + GUARD + bytes}) {
      for (size_t i = 0; i < GUARD; i++) {
        if (zone[i] != GUARD_BYTES[i % 4])
          return false;
      }
    }
#endif
    return true;
  }

  size_t bytes;
  std::unique_ptr<unsigned char[]> storage;
};

} // namespace emu
