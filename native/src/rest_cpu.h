// What a loop that waits for memory or a descriptor does between two looks.
#ifndef LEASEFS_REST_CPU_H
#define LEASEFS_REST_CPU_H

namespace leasefs {

inline void RestCpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace leasefs

#endif  // LEASEFS_REST_CPU_H
