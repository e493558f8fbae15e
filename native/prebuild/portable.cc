// What lets one prebuilt addon serve every libc: it asks for no library and no symbol version, and libstdc++ and libgcc
// are linked in. The few symbols that these, or the addon, take of a newer glibc alone are here, hidden; prebuild.sh
// checks that all others are in musl and were in glibc 2.28, the oldest that Node.js runs on.
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#pragma GCC visibility push(hidden)

extern "C" {

/** glibc 2.32: whether shared_ptr may count without atomics. */
char __libc_single_threaded = 0;

/** A weak reference of libstdc++, which takes a process without it for one without threads. */
int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) noexcept {
  return pthread_key_create(key, destroy);
}

/** glibc 2.33; inline before. The kernel's struct stat is that of both libcs on x86-64 and arm64. */
int fstat(int fd, struct stat* to) noexcept { return static_cast<int>(syscall(SYS_fstat, fd, to)); }

/** Not in musl before 1.2.5. */
int statx(int dir, const char* path, int flags, unsigned mask, struct statx* to) noexcept {
  return static_cast<int>(syscall(SYS_statx, dir, path, flags, mask, to));
}

/** glibc's name; libgcc asks it for the atomics of ARMv8.1. */
unsigned long __getauxval(unsigned long type) noexcept { return getauxval(type); }

/** glibc 2.35: where the unwinder finds the table of the code at `address`. 0 or -1. */
int _dl_find_object(void* address, dl_find_object* found) noexcept {
  struct Search {
    uintptr_t address;
    dl_find_object* found;
  };
  auto look = [](dl_phdr_info* object, size_t, void* data) {
    auto* search = static_cast<Search*>(data);
    bool inside = false;
    uintptr_t table = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
      const ElfW(Phdr)& part = object->dlpi_phdr[i];
      uintptr_t start = object->dlpi_addr + part.p_vaddr;
      if (part.p_type == PT_LOAD && search->address - start < part.p_memsz) inside = true;
      if (part.p_type == PT_GNU_EH_FRAME) table = start;
    }
    if (!inside || table == 0) return 0;
    memset(search->found, 0, sizeof *search->found);
    search->found->dlfo_eh_frame = reinterpret_cast<void*>(table);
    return 1;
  };
  Search search = {reinterpret_cast<uintptr_t>(address), found};
  return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}

}  // extern "C"

#pragma GCC visibility pop
