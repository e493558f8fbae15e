/* SPDX-License-Identifier: MIT
 *
 * memory-ioctl.c - the pins of leasefs.h as the registrations of memory.h, for a device that leasefs knows nothing of:
 * here a descriptor of the file, which owns the pin and through which the device writes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "leasefs.h"
#include "memory.h"

const char *const memory_device = "leasefs";

long memory_open(struct memory *m)
{
	*m = (struct memory){ .fd = -1 };
	return 0;
}

/* The first mapping of a shared file that meets [at, at + len), opened; -1: none, the memory is of no file. `at`, `len`
 * and `off` become its part. */
static int open_mapped(uintptr_t *at, size_t *len, off_t *off)
{
	char line[4096 + 128], path[4096], access[5];
	unsigned long from, to, offset;
	int fd = -1;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps != NULL && fd < 0 && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %4095[^\n]", &from, &to, access, &offset, path) != 5)
			continue;
		if (access[3] != 's' || to <= *at || from >= *at + *len)
			continue;
		fd = open(path, O_RDWR | O_CLOEXEC);
		uintptr_t end = *at + *len < to ? *at + *len : to;
		*at = *at > from ? *at : from;
		*len = end - *at;
		*off = offset + (*at - from);
	}
	if (maps != NULL)
		fclose(maps);
	return fd;
}

long memory_register(struct memory *m, void *address, size_t len)
{
	uintptr_t at = (uintptr_t)address;
	off_t off = 0;
	int fd = open_mapped(&at, &len, &off);

	if (fd < 0)
		return 0;
	struct leasefs_pin pin = {
		.version = LEASEFS_ABI, .flags = LEASEFS_PIN_BY_DESCRIPTION, .off = off, .len = len
	};
	if (ioctl(fd, LEASEFS_IOC_PIN, &pin) < 0) {
		long error = -errno;
		close(fd);
		return error;
	}
	*m = (struct memory){ .fd = fd, .handle = pin.id, .origin = at - off };
	return 0;
}

long memory_unregister(struct memory *m)
{
	struct leasefs_unpin unpin = { .version = LEASEFS_ABI, .id = m->handle };

	if (m->fd < 0)
		return 0;
	return ioctl(m->fd, LEASEFS_IOC_UNPIN, &unpin) < 0 ? -errno : 0;
}

long memory_receive(struct memory *m, void *at, size_t len, int byte)
{
	char data[4096];

	if (len > sizeof data)
		return -EINVAL;
	memset(data, byte, len);
	return pwrite(m->fd, data, len, (uintptr_t)at - m->origin) == (ssize_t)len ? 0 : -EIO;
}

void memory_close(struct memory *m)
{
	close(m->fd);
	m->fd = -1;
}
