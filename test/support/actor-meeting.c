/* actor-meeting.c - how an actor is spoken to: the stage's socket, and a mailbox for descriptors of other actors. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "actor.h"

int control;
const char *socket_path;
static int mailbox;
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;

void answer(long id, long result, const char *text)
{
	char line[1024];
	int n = snprintf(line, sizeof line, "%ld %ld %s\n", id, result, text ? text : "");
	pthread_mutex_lock(&answering);
	if (write(control, line, n) != n)
		_exit(3);
	pthread_mutex_unlock(&answering);
}

static void mailbox_address(const char *name, struct sockaddr_un *to, socklen_t *len)
{
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	/* abstract: gone with its process; named after the controller's socket, so that runs do not meet */
	int n = snprintf(to->sun_path + 1, sizeof to->sun_path - 1, "%s/%s", socket_path, name);
	*len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
}

void join(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;
	char hello[128];

	control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strncpy(to.sun_path, socket_path, sizeof to.sun_path - 1);
	if (connect(control, (struct sockaddr *)&to, sizeof to) < 0)
		_exit(4);
	mailbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mailbox_address(name, &to, &len);
	if (bind(mailbox, (struct sockaddr *)&to, len) < 0)
		_exit(5);
	int n = snprintf(hello, sizeof hello, "hello %s %d\n", name, getpid());
	if (write(control, hello, n) != n)
		_exit(3);
}

long send_fd(int fd, const char *name)
{
	struct sockaddr_un to;
	socklen_t len;
	char byte = 'x', space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };

	mailbox_address(name, &to, &len);
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = len,
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = space,
			      .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return fail(sendmsg(mailbox, &msg, 0));
}

long receive_fd(void)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	int fd;

	if (recvmsg(mailbox, &msg, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

void join_anew(const char *name)
{
	close(control);
	close(mailbox);
	/* a thread that had just answered may have held it, and is not here to let go */
	pthread_mutex_init(&answering, NULL);
	join(name);
}
