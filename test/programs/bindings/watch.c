/* usage: watch FILE */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "leasefs-watch.h"

static void set_lease(int fd, __u32 kind)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = kind };

	if (ioctl(fd, LEASEFS_IOC_SETLEASE, &lease) < 0)
		err(1, "SETLEASE");
}

static struct leasefs_notice next(int w)
{
	struct pollfd p = { .fd = w, .events = POLLIN };
	struct leasefs_notice notice;
	int got;

	while ((got = leasefs_notice(w, &notice)) == 0)
		if (poll(&p, 1, -1) < 0)
			err(1, "poll");
	if (got < 0)
		err(1, "notice");
	return notice;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1, w;
	struct leasefs_notice notice;

	if (fd < 0)
		err(1, "open");
	setlinebuf(stdout);
	set_lease(fd, LEASEFS_SHARED_BREAKABLE);
	puts("leased");
	getchar();
	w = leasefs_watch(fd);
	if (w < 0)
		err(1, "watch");
	puts("watching");
	notice = next(w);
	puts("hears");
	getchar();
	set_lease(fd, notice.kind);
	while (notice.break_ms > 0)
		notice = next(w);
	puts("answered");
	return 0;
}
