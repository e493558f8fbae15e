/* SPDX-License-Identifier: MIT
 *
 * memory.h - memory registered with a device that reads and writes it by itself, also after the mapping is gone.
 *
 * The proposal speaks of RDMA's ibv_reg_mr. What it says is true of everything that pins pages for long: a program is linked
 * with one device, memory-uring.c (a ring's registered buffers), memory-ioctl.c (pins of leasefs) or another.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* What the device is called. */
extern const char *const memory_device;

/* The registration belongs to this descriptor: it lives while any process has it. The rest is the device's. */
struct memory {
	int fd;
	uint64_t handle;
	uintptr_t origin;
};

/* All answer 0 or -errno. */
long memory_open(struct memory *);
long memory_register(struct memory *, void *at, size_t len);
long memory_unregister(struct memory *);
/* The device writes `len` bytes of `byte` to `at`, a page at most; any process that has the descriptor may ask. */
long memory_receive(struct memory *, void *at, size_t len, int byte);
void memory_close(struct memory *);

#endif /* MEMORY_H */
