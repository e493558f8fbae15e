/* SPDX-License-Identifier: MIT
 *
 * leasefs-watch.h - a break descriptor: notifies any event loop that a lease is
 * being broken, without a thread and without a signal [B1].
 *
 *	int w = leasefs_watch(fd);
 *	struct pollfd p = { .fd = w, .events = POLLIN };
 *	struct leasefs_notice n;
 *	while (poll(&p, 1, -1) == 1 && leasefs_notice(w, &n) >= 0)
 *		if (n.break_ms > 0)
 *			... the lease must become n.kind: LEASEFS_IOC_SETLEASE
 *
 * On a mount with a keeper it goes on when the daemon dies, and the next daemon
 * repeats the notice of a break that is pending.
 *
 * Closing it ends only the watch. Each process makes a descriptor of its own:
 * two that share one would split its notices. Functions return -1 and set
 * errno.
 */
#ifndef LEASEFS_WATCH_H
#define LEASEFS_WATCH_H

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "leasefs.h"

/*
 * Takes the next notice: 1; 0 (and zeros) when there is none now.
 * ENOTCONN	the file was closed, or the mount is gone. Also where a daemon has
 *		died that had no keeper for `w`, and where several hundred notices
 *		were left unread: leasefs_watch() again, which says which
 */
static inline int leasefs_notice(int w, struct leasefs_notice *notice)
{
	ssize_t n = recv(w, notice, sizeof *notice, MSG_DONTWAIT);

	if (n == (ssize_t)sizeof *notice)
		return 1;
	memset(notice, 0, sizeof *notice);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n >= 0)
		errno = ENOTCONN;
	return -1;
}

/* A break descriptor from the answer of LEASEFS_IOC_WATCH. */
static inline int leasefs_watch_at(const struct leasefs_watch *watch)
{
	struct sockaddr_un to;
	struct leasefs_notice first;
	size_t length = strnlen(watch->address, sizeof watch->address);
	ssize_t n = -1;
	int w, saved;

	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	memcpy(to.sun_path + 1, watch->address, length);
	w = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w < 0)
		return -1;
	if (connect(w, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + length) == 0 &&
	    /* EPIPE: a daemon that refuses the watch may have sent the reason first. */
	    (send(w, &watch->token, sizeof watch->token, MSG_NOSIGNAL) > 0 || errno == EPIPE)) {
		/* Peek: a first notice that reports a break stays in the socket, so that poll(2) reports it. */
		do
			n = recv(w, &first, sizeof first, MSG_PEEK);
		while (n < 0 && errno == EINTR);
		if (n >= 0)
			errno = n == (ssize_t)sizeof first ? first.error : ENOTCONN;
		if (n == (ssize_t)sizeof first && first.error == 0 &&
		    (first.break_ms > 0 || first.readable || recv(w, &first, sizeof first, 0) > 0))
			return w;
	}
	saved = errno;
	close(w);
	errno = saved;
	return -1;
}

/*
 * A break descriptor of `fd`, or of .leasefs/events.
 * EMFILE	too many of this description, of this user, or at all
 * and those of struct leasefs_watch and connect(2)
 */
static inline int leasefs_watch(int fd)
{
	struct leasefs_watch watch;
	int w, tries = 3;

	do {
		memset(&watch, 0, sizeof watch);
		watch.version = LEASEFS_ABI;
		if (ioctl(fd, LEASEFS_IOC_WATCH, &watch) < 0)
			return -1;
		w = leasefs_watch_at(&watch);
		/* The daemon may have died since it answered, and another one serves the mount. */
	} while (w < 0 && --tries > 0 && (errno == ECONNREFUSED || errno == ECONNRESET || errno == ENOTCONN));
	return w;
}

#endif /* LEASEFS_WATCH_H */
