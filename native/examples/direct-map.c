/* SPDX-License-Identifier: MIT
 *
 * direct-map - a file's blocks in memory, without the daemon.
 *
 *	gcc -I native/include -o direct-map native/examples/direct-map.c
 *	./direct-map FILE
 *
 * FILE, of at least one byte and without holes, lies on a leasefs mount. The
 * program takes a breakable lease, asks for the file's layout, maps its extents
 * side by side and writes the number of each block into it. Then it waits until
 * another process changes the layout, say `: > FILE`: it unmaps and yields.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "leasefs-watch.h"

#define BLOCK 4096UL

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static void set_lease(int fd, __u32 kind)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = kind };

	if (ioctl(fd, LEASEFS_IOC_SETLEASE, &lease) < 0)
		err(1, "SETLEASE %u", kind);
}

/* The memfd that the extents of one answer lie in; the file itself for segment 0. -1: the daemon has it no more. */
static int open_segment(int file, const struct leasefs_layout *layout)
{
	char path[64];
	struct stat st;
	int pidfd, fd = -1;

	if (layout->segment == 0)
		return dup(file);
	pidfd = syscall(SYS_pidfd_open, layout->pid, 0);
	if (pidfd >= 0) {
		fd = syscall(SYS_pidfd_getfd, pidfd, layout->fd, 0);
		close(pidfd);
	}
	if (fd < 0) {
		/* Yama may refuse that where /proc is open to the same user. */
		snprintf(path, sizeof path, "/proc/%d/fd/%d", layout->pid, layout->fd);
		fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0 || (fstat(fd, &st) == 0 && st.st_dev == layout->dev && st.st_ino == layout->ino))
		return fd;
	close(fd);
	errno = ESRCH;
	return -1;
}

/* The layout from `layout->off` on, and its segment. Another daemon may serve the mount by the time that this asks it. */
static int get_layout(int file, struct leasefs_layout *layout)
{
	__s32 pid;
	int segment;

	do {
		pid = layout->pid;
		if (ioctl(file, LEASEFS_IOC_LAYOUT, layout) < 0)
			err(1, "LAYOUT");
		segment = layout->count > 0 ? open_segment(file, layout) : -1;
	} while (layout->count > 0 && segment < 0 && layout->pid != pid);
	if (layout->count > 0 && segment < 0)
		err(1, "segment %u of process %d: another pid namespace?", layout->segment, layout->pid);
	return segment;
}

/* Maps bytes [0, len) of the file; len is whole blocks. */
static char *map_file(int file, size_t len)
{
	struct leasefs_layout layout;
	__u64 at = 0, off;
	__u32 i;
	int segment;
	char *base;

	/* One range for all of it, so that nothing else gets between the pieces. */
	base = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		err(1, "mmap");
	memset(&layout, 0, sizeof layout);
	layout.version = LEASEFS_ABI;
	for (off = 0; off < len; off = layout.next) {
		layout.off = off;
		layout.len = len - off;
		segment = get_layout(file, &layout);
		for (i = 0; i < layout.count; i++) {
			const struct leasefs_extent *e = &layout.extents[i];

			if (e->off != at)
				break;
			if (mmap(base + at, e->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, segment,
				 e->store) == MAP_FAILED)
				err(1, "mmap of an extent");
			at += e->len;
		}
		if (segment >= 0)
			close(segment);
		if (i < layout.count)
			break;
		/* The layout that the next answer must be of. */
		layout.flags = LEASEFS_LAYOUT_SEQ;
	}
	if (at != len)
		errx(1, "a hole at %llu: fallocate first", (unsigned long long)at);
	/* The blocks are kept as long as they are mapped, unless the lease ended before they were. */
	layout.flags = LEASEFS_LAYOUT_SEQ;
	layout.off = 0;
	layout.len = len;
	if (ioctl(file, LEASEFS_IOC_LAYOUT, &layout) < 0)
		err(1, "the lease ended while the file was mapped");
	printf("mapped %zu bytes, layout %llu\n", len, (unsigned long long)layout.seq);
	return base;
}

int main(int argc, char **argv)
{
	struct leasefs_notice notice = { .break_ms = 0 };
	struct pollfd p = { .events = POLLIN };
	struct stat st;
	int fd;
	size_t len, off;
	char *memory;

	if (argc != 2) {
		fprintf(stderr, "usage: direct-map FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", argv[1]);
	len = (st.st_size + BLOCK - 1) / BLOCK * BLOCK;
	if (len == 0)
		errx(1, "%s is empty", argv[1]);

	set_lease(fd, LEASEFS_EXCLUSIVE_BREAKABLE);
	p.fd = leasefs_watch(fd);
	if (p.fd < 0)
		err(1, "leasefs_watch");
	/* Write back the page cache, if the mount has one; else this costs nothing. */
	if (sync_file_range(fd, 0, len,
			    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) < 0)
		err(1, "sync_file_range");
	memory = map_file(fd, len);
	for (off = 0; off < len; off += BLOCK)
		*(__u64 *)(memory + off) = off / BLOCK;
	printf("written; try `: > %s` in a shell\n", argv[1]);
	fflush(stdout);

	while (notice.break_ms == 0)
		if ((poll(&p, 1, -1) < 0 && errno != EINTR) || leasefs_notice(p.fd, &notice) < 0)
			err(1, "waiting for a break");
	/* Recalled: nothing may be touched once the break is answered. */
	munmap(memory, len);
	/* The page cache's copy of the range is stale. */
	posix_fadvise(fd, 0, len, POSIX_FADV_DONTNEED);
	set_lease(fd, notice.kind);
	printf("recalled, unmapped, yielded\n");
	return 0;
}
