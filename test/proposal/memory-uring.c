/* SPDX-License-Identifier: MIT
 *
 * memory-uring.c - io_uring's registered buffers as the memory of memory.h, by plain system calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory.h"

const char *const memory_device = "io_uring";

#define RING_BYTES 4096

/* Where the kernel put things; the same for all rings that are made alike, also for one that was passed to us. */
static struct io_uring_params params;

long memory_open(struct memory *m)
{
	memset(&params, 0, sizeof params);
	memset(m, 0, sizeof *m);
	m->fd = syscall(SYS_io_uring_setup, 4, &params);
	return m->fd < 0 ? -errno : 0;
}

long memory_register(struct memory *m, void *at, size_t len)
{
	struct iovec iov = { at, len };
	return syscall(SYS_io_uring_register, m->fd, IORING_REGISTER_BUFFERS, &iov, 1) < 0 ? -errno : 0;
}

long memory_unregister(struct memory *m)
{
	return syscall(SYS_io_uring_register, m->fd, IORING_UNREGISTER_BUFFERS, NULL, 0) < 0 ? -errno : 0;
}

/* One IORING_OP_READ_FIXED from `source`. */
static long read_fixed(struct memory *m, int source, void *at, size_t len)
{
	char *ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, IORING_OFF_SQES);
	long result = -ENOMEM;

	if (ring != MAP_FAILED && sqes != MAP_FAILED) {
		unsigned *tail = (unsigned *)(ring + params.sq_off.tail);
		unsigned *array = (unsigned *)(ring + params.sq_off.array);
		unsigned *done = (unsigned *)(ring + params.cq_off.head);
		unsigned *ready = (unsigned *)(ring + params.cq_off.tail);
		struct io_uring_cqe *cqes = (struct io_uring_cqe *)(ring + params.cq_off.cqes);
		unsigned slot = *tail & (params.sq_entries - 1);

		sqes[slot] = (struct io_uring_sqe){
			.opcode = IORING_OP_READ_FIXED, .fd = source, .addr = (uintptr_t)at, .len = len, .off = -1
		};
		array[slot] = slot;
		__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, m->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
			result = -errno;
		} else if (*done == __atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
			result = -EIO;
		} else {
			result = cqes[*done & (params.cq_entries - 1)].res;
			__atomic_store_n(done, *done + 1, __ATOMIC_RELEASE);
		}
	}
	if (ring != MAP_FAILED)
		munmap(ring, RING_BYTES);
	if (sqes != MAP_FAILED)
		munmap(sqes, RING_BYTES);
	return result;
}

long memory_receive(struct memory *m, void *at, size_t len, int byte)
{
	char data[4096];
	int ends[2];
	long result = -EIO;

	if (len > sizeof data)
		return -EINVAL;
	if (pipe(ends) < 0)
		return -errno;
	memset(data, byte, len);
	if (write(ends[1], data, len) == (ssize_t)len)
		result = read_fixed(m, ends[0], at, len);
	close(ends[0]);
	close(ends[1]);
	return result == (long)len ? 0 : result < 0 ? result : -EIO;
}

void memory_close(struct memory *m)
{
	close(m->fd);
	m->fd = -1;
}
