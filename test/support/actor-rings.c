/* actor-rings.c - buffers that an actor registers with io_uring: what the kernel pins. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "actor.h"

int rings[SLOTS];
static struct io_uring_params ring_params;

/* One operation, to its end: its result. */
static long run_one(int ring, const struct io_uring_sqe *operation)
{
	char *sq = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqe =
	    mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	long r = -EIO;

	if (sq == MAP_FAILED || sqe == (void *)MAP_FAILED)
		return -errno;
	unsigned *tail = (unsigned *)(sq + ring_params.sq_off.tail);
	unsigned *array = (unsigned *)(sq + ring_params.sq_off.array);
	unsigned *head = (unsigned *)(sq + ring_params.cq_off.head),
		 *cqtail = (unsigned *)(sq + ring_params.cq_off.tail);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(sq + ring_params.cq_off.cqes);
	unsigned at = *tail & (ring_params.sq_entries - 1);

	sqe[at] = *operation;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		r = -errno;
	else if (*head != __atomic_load_n(cqtail, __ATOMIC_ACQUIRE)) {
		r = cqe[*head & (ring_params.cq_entries - 1)].res;
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	}
	munmap(sq, 4096);
	munmap(sqe, 4096);
	return r;
}

/* IORING_OP_READ_FIXED of `len` bytes of `byte` into the registered buffer at `to`, through a pipe. */
long fixed_read(int ring, char *to, size_t len, int byte)
{
	int pipefd[2];
	char *data = malloc(len);
	long r;

	if (pipe(pipefd) < 0)
		return -errno;
	fcntl(pipefd[1], F_SETPIPE_SZ, 1 << 20);
	memset(data, byte, len);
	if (write(pipefd[1], data, len) != (ssize_t)len)
		return -EIO;
	free(data);
	struct io_uring_sqe operation = {
		.opcode = IORING_OP_READ_FIXED, .fd = pipefd[0], .addr = (uintptr_t)to, .len = len, .off = -1
	};
	r = run_one(ring, &operation);
	close(pipefd[0]);
	close(pipefd[1]);
	return r;
}

/* `count` buffered operations on the file, 4 KiB each, one behind the other; the bytes of all. */
long buffered(int fd, int is_write, long count)
{
	static char block[4096];
	struct io_uring_sqe operation = { .opcode = is_write ? IORING_OP_WRITE : IORING_OP_READ,
					  .fd = fd,
					  .addr = (uintptr_t)block,
					  .len = sizeof block };
	long total = 0;

	memset(&ring_params, 0, sizeof ring_params);
	int ring = syscall(SYS_io_uring_setup, 4, &ring_params);
	if (ring < 0)
		return -errno;
	for (long i = 0; i < count; i++) {
		operation.off = i * sizeof block;
		long r = run_one(ring, &operation);
		if (r < 0) {
			total = r;
			break;
		}
		total += r;
	}
	close(ring);
	return total;
}

/* One buffer; in a sparse table of `table` entries, if that is not 0, the last of them. */
static long register_buffer(int ring, struct iovec *iov, unsigned table)
{
	if (!table)
		return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, iov, 1);
	struct io_uring_rsrc_register sparse = { .nr = table, .flags = IORING_RSRC_REGISTER_SPARSE };
	struct io_uring_rsrc_update2 update = { .offset = table - 1, .data = (uintptr_t)iov, .nr = 1 };
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS2, &sparse, sizeof sparse) < 0)
		return -1;
	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof update);
}

long ring_register(int slot, char *at, size_t len, unsigned setup, unsigned table)
{
	struct iovec iov = { at, len };
	memset(&ring_params, 0, sizeof ring_params);
	ring_params.flags = setup;
	int ring = syscall(SYS_io_uring_setup, 4, &ring_params);
	if (ring < 0)
		return -errno;
	if (register_buffer(ring, &iov, table) < 0) {
		long e = -errno;
		close(ring);
		return e;
	}
	rings[slot] = ring;
	return 0;
}

/* Keeps the ring's lock busy for `ms`. */
long ring_spin(int ring, long ms)
{
	struct {
		struct io_uring_probe probe;
		struct io_uring_probe_op ops[256];
	} room;
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000;
	do {
		for (int i = 0; i < 100; i++) {
			memset(&room, 0, sizeof room);
			if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, &room, 256) < 0)
				return -errno;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	return 0;
}
