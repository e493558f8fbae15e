/* SPDX-License-Identifier: MIT
 *
 * hello-lease - the life of a layout lease in one program.
 *
 *	gcc -I native/include -o hello-lease native/examples/hello-lease.c
 *	./hello-lease FILE
 *
 * FILE, of at least one byte, lies on a leasefs mount. The program pins its
 * first block under an exclusive lease, so that a truncate by another process
 * is refused; then it releases the pin, keeps a breakable lease, and waits until
 * another process truncates the file: its break descriptor is notified, and it
 * yields.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "leasefs-watch.h"

/* L4: F_SETLEASE on a description that has a lease converts it. */
static void set_lease(int fd, __u32 kind)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = kind };

	if (ioctl(fd, LEASEFS_IOC_SETLEASE, &lease) < 0)
		err(1, "SETLEASE %u", kind);
}

static __u64 pin(int fd, __u64 off, __u64 len)
{
	struct leasefs_pin pin = { .version = LEASEFS_ABI, .off = off, .len = len };

	if (ioctl(fd, LEASEFS_IOC_PIN, &pin) < 0)
		err(1, "PIN");
	return pin.id;
}

static void unpin(int fd, __u64 id)
{
	struct leasefs_unpin unpin = { .version = LEASEFS_ABI, .id = id };

	if (ioctl(fd, LEASEFS_IOC_UNPIN, &unpin) < 0)
		err(1, "UNPIN");
}

/* Waits for a break of the lease; what the lease must become [L8]. */
static __u32 wait_for_break(int fd)
{
	struct pollfd p = { .fd = leasefs_watch(fd), .events = POLLIN };
	struct leasefs_notice notice = { .break_ms = 0 };

	if (p.fd < 0)
		err(1, "leasefs_watch");
	while (notice.break_ms == 0)
		if (poll(&p, 1, -1) < 0 || leasefs_notice(p.fd, &notice) < 0)
			err(1, "waiting for a break");
	printf("break: the lease must become %u within %u ms\n", notice.kind, notice.break_ms);
	close(p.fd);
	return notice.kind;
}

int main(int argc, char **argv)
{
	__u64 id;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: hello-lease FILE\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", argv[1]);

	set_lease(fd, LEASEFS_EXCLUSIVE);
	id = pin(fd, 0, 1);
	printf("pin %llu: try `: > %s` in a shell; Enter goes on\n", (unsigned long long)id, argv[1]);
	fflush(stdout);
	getchar();

	unpin(fd, id);
	set_lease(fd, LEASEFS_EXCLUSIVE_BREAKABLE);
	printf("breakable: try it again\n");
	fflush(stdout);
	/* Answer by ioctl or close, not by a write: it would wait behind the truncate [B6]. */
	set_lease(fd, wait_for_break(fd));
	printf("yielded\n");
	return 0;
}
