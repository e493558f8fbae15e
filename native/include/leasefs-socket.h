/* SPDX-License-Identifier: MIT
 *
 * leasefs-socket.h - the calls of leasefs.h on every mount, also where no
 * ioctl(2) comes through: `leasefs mount --transport=fuse-native`.
 *
 *	int fd = open("/mnt/leasefs/f", O_RDWR);
 *	int s = leasefs_connect(fd, 0);
 *	struct leasefs_lease l = { .version = LEASEFS_ABI, .kind = LEASEFS_EXCLUSIVE };
 *	if (s < 0 || leasefs_ioctl(s, LEASEFS_IOC_SETLEASE, &l) < 0)
 *		err(1, "lease");
 *
 * Where ioctl works `s` is a duplicate of `fd`. Else it is a connection to the
 * daemon and takes the place of the description: the lease, and pins that the
 * description owns, end when the last copy of `s` is closed; closing `fd` ends
 * nothing. dup and fork share it as they share a description; one thread of one
 * process uses it at a time. Functions return -1 and set errno.
 */
#ifndef LEASEFS_SOCKET_H
#define LEASEFS_SOCKET_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "leasefs-private.h"
#include "leasefs-watch.h"

/* One call; `size` bytes of `data` go there and back. A signal ends its wait for a break: EINTR [B5]. */
static inline int leasefs_message(int s, __u32 code, void *data, size_t size)
{
	struct leasefs_message m = { 1, code };
	struct iovec parts[2] = { { &m, sizeof m }, { data, size } };
	struct msghdr message;
	ssize_t n;

	memset(&message, 0, sizeof message);
	message.msg_iov = parts;
	message.msg_iovlen = 2;
	/* EPIPE: the daemon may have sent the reason of its refusal before. */
	if (sendmsg(s, &message, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return -1;
	for (;;) {
		n = recvmsg(s, &message, 0);
		if (n < 0 && errno == EINTR) {
			struct leasefs_message cancel = { 1, LEASEFS_MESSAGE_CANCEL };
			if (send(s, &cancel, sizeof cancel, MSG_NOSIGNAL) < 0)
				return -1;
		} else if (n < (ssize_t)sizeof m) {
			if (n >= 0)
				errno = ENOTCONN;
			return -1;
		} else if (m.id == 1)
			break;
	}
	if (m.code == 0)
		return 0;
	errno = -(int)m.code;
	return -1;
}

/*
 * @param description of a connection to be shared (leasefs_lease.description), 0: a new one.
 * ENOTTY	not on a leasefs mount
 * and those of leasefs_open and connect(2)
 */
static inline int leasefs_connect(int fd, __u64 description)
{
	struct leasefs_open open;
	struct sockaddr_un to;
	struct leasefs_lease probe;
	char address[LEASEFS_XATTR_MAX + 1], *key;
	ssize_t n;
	int s, saved;

	memset(&probe, 0, sizeof probe);
	probe.version = LEASEFS_ABI;
	if (ioctl(fd, LEASEFS_IOC_GETLEASE, &probe) == 0)
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (errno != ENOTTY)
		return -1;
	n = fgetxattr(fd, LEASEFS_XATTR, address, LEASEFS_XATTR_MAX);
	address[n > 0 ? n : 0] = '\0';
	key = strchr(address, ' ');
	if (key == NULL || (size_t)(key - address) >= sizeof to.sun_path) {
		errno = ENOTTY;
		return -1;
	}
	memset(&to, 0, sizeof to);
	to.sun_family = AF_UNIX;
	memcpy(to.sun_path + 1, address, key - address);
	memset(&open, 0, sizeof open);
	open.version = LEASEFS_ABI;
	open.fd = fd;
	open.description = description;
	memcpy(open.key, key + 1, strlen(key + 1));
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	if (connect(s, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + (key - address)) == 0 &&
	    leasefs_message(s, LEASEFS_MESSAGE_OPEN, &open, sizeof open) == 0)
		return s;
	saved = errno;
	close(s);
	errno = saved;
	return -1;
}

/* As ioctl(2). @param s of leasefs_connect */
static inline int leasefs_ioctl(int s, unsigned long request, void *data)
{
	int answer = ioctl(s, request, data), type;
	socklen_t length = sizeof type;

	if (answer == 0 || errno != ENOTTY)
		return answer;
	if (getsockopt(s, SOL_SOCKET, SO_TYPE, &type, &length) < 0) {
		errno = ENOTTY;
		return -1;
	}
	return leasefs_message(s, (__u32)request, data, _IOC_SIZE(request));
}

/* leasefs_watch of leasefs-watch.h. @param s of leasefs_connect */
static inline int leasefs_socket_watch(int s)
{
	struct leasefs_watch watch;

	memset(&watch, 0, sizeof watch);
	watch.version = LEASEFS_ABI;
	if (leasefs_ioctl(s, LEASEFS_IOC_WATCH, &watch) < 0)
		return -1;
	return leasefs_watch_at(&watch);
}

#endif /* LEASEFS_SOCKET_H */
