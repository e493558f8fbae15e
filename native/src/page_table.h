// Entries of our page table for memory that the kernel is to copy.
#ifndef LEASEFS_PAGE_TABLE_H
#define LEASEFS_PAGE_TABLE_H

#include <sys/uio.h>

#include <cstdint>

#include "args.h"

namespace leasefs {

constexpr size_t kPage = 4096;

inline size_t ToNextPage(const volatile void* at) { return kPage - (reinterpret_cast<uintptr_t>(at) % kPage); }

/**
 * Gives every page of the memory its entry. Where one is missing the kernel, as it copies a record, takes a way on which it
 * looks for SIGKILL: with one it answers the request EIO, which the next daemon cannot mend (fuse_copy_fill).
 */
inline void Populate(const Bytes& memory) {
  for (size_t at = 0; at < memory.length; at += ToNextPage(memory.data + at)) {
    *static_cast<volatile uint8_t*>(memory.data + at) = 0;
  }
}

/** The same for what the kernel only reads. */
inline void PopulateForLoads(const iovec& piece) {
  const auto* data = static_cast<const volatile uint8_t*>(piece.iov_base);
  for (size_t at = 0; at < piece.iov_len; at += ToNextPage(data + at)) {
    [[maybe_unused]] uint8_t seen = data[at];
  }
}

}  // namespace leasefs

#endif  // LEASEFS_PAGE_TABLE_H
