/* actor-watch.c - the break descriptors of an actor. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>

#include "actor.h"
#include "leasefs-socket.h"

/* and the last notice of each */
static struct {
	int fd;
	struct leasefs_notice last;
} watches[SLOTS];

long watch_open(int slot, int fd, int link)
{
	int w;

	if (watches[slot].fd)
		return 0;
	w = link ? leasefs_socket_watch(link) : leasefs_watch(fd);
	if (w < 0)
		return -errno;
	memset(&watches[slot].last, 0, sizeof watches[slot].last);
	watches[slot].fd = w;
	return 0;
}

void watch_close(int slot)
{
	if (watches[slot].fd)
		close(watches[slot].fd);
	watches[slot].fd = 0;
}

long watch_break(int slot, int ms)
{
	struct leasefs_notice notice;
	long r;

	for (;;) {
		struct pollfd p = { .fd = watches[slot].fd, .events = POLLIN };
		int got = leasefs_notice(p.fd, &notice);

		if (got < 0)
			return -errno;
		if (got > 0)
			watches[slot].last = notice;
		else if (watches[slot].last.break_ms > 0)
			return watches[slot].last.kind;
		else if ((r = fail(poll(&p, 1, ms))) <= 0)
			return r;
	}
}
