/* leasefs-launch SOCKET CMD [ARG...]: becomes CMD under the filter, whose listener it sends over the unix socket that
 * is its descriptor SOCKET. The process that started it has the other end and answers the stopped calls; after its end
 * they return ENOSYS. Exit codes as of env(1): 127 no such command, 126 it cannot be run, 125 a failure of its own.
 *
 * A separate program, since code of Node must not run under the filter between fork and exec.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"

static int fail(int code, const char *what)
{
	fprintf(stderr, "leasefs run: %s: %s\n", what, strerror(errno));
	return code;
}

static int install(void)
{
	struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
	unsigned int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (listener >= 0 || errno != EACCES)
		return listener;
	/* Without CAP_SYS_ADMIN a filter needs no_new_privs: set-user-ID programs stay unprivileged. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int send_listener(int socket, int listener)
{
	char byte = 0;
	struct iovec part = { &byte, 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof control);
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: leasefs-launch SOCKET CMD [ARG...]\n", stderr);
		return 125;
	}
	int socket = atoi(argv[1]);
	int listener = install();
	if (listener < 0)
		return fail(125, "cannot install the seccomp filter");
	if (send_listener(socket, listener) < 0)
		return fail(125, "cannot send the seccomp listener");
	/* CMD gets neither: the listener would let it answer its own calls. */
	if (close(listener) < 0 || close(socket) < 0)
		return fail(125, "close");
	execvp(argv[2], argv + 2);
	return fail(errno == ENOENT ? 127 : 126, argv[2]);
}
