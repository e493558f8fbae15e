/* SPDX-License-Identifier: MIT
 *
 * memory-rdma.c - RDMA memory regions as the memory of memory.h: ibv_reg_mr, and RDMA WRITE by a queue pair that is
 * connected to itself. Linked with -libverbs.
 */
#define _GNU_SOURCE
#include "../../native/examples/rdma-loopback.h"

#include "memory.h"

const char *const memory_device = "RDMA";

#define DEVICES_MAX 8

/* memory.handle is the place here; a process that was forked has them all. */
static struct {
	struct rdma_loopback loopback;
	struct ibv_mr *mr;
} devices[DEVICES_MAX];

long memory_open(struct memory *m)
{
	*m = (struct memory){ .fd = -1 };
	for (int i = 0; i < DEVICES_MAX; i++) {
		if (devices[i].loopback.context != NULL)
			continue;
		int r = rdma_open(&devices[i].loopback);
		if (r == 0)
			*m = (struct memory){ .fd = devices[i].loopback.context->cmd_fd, .handle = i };
		return r;
	}
	return -EMFILE;
}

long memory_register(struct memory *m, void *at, size_t len)
{
	int i = m->handle;

	if (m->fd < 0)
		return -EBADF;
	if (devices[i].mr != NULL)
		return -EBUSY;
	devices[i].mr = ibv_reg_mr(devices[i].loopback.pd, at, len, RDMA_ACCESS);
	return devices[i].mr == NULL ? -errno : 0;
}

long memory_unregister(struct memory *m)
{
	int i = m->handle;

	if (m->fd < 0 || devices[i].mr == NULL)
		return -ENXIO;
	int r = ibv_dereg_mr(devices[i].mr);
	if (r == 0)
		devices[i].mr = NULL;
	return -r;
}

long memory_receive(struct memory *m, void *at, size_t len, int byte)
{
	int i = m->handle;

	if (m->fd < 0 || devices[i].mr == NULL)
		return -ENXIO;
	return rdma_write(&devices[i].loopback, devices[i].mr, at, len, byte);
}

void memory_close(struct memory *m)
{
	int i = m->handle;

	if (m->fd >= 0) {
		if (devices[i].mr != NULL)
			memory_unregister(m);
		rdma_close(&devices[i].loopback);
	}
	m->fd = -1;
}
