/* leasefs-launch SUPERVISOR [ARG...] -- CMD [ARG...]: stands before the supervisor of `leasefs run`, a program of Node.js,
 * which changes what it has of its parent: signals that were ignored, the limit of open files, which descriptors a child
 * gets. So the process that becomes CMD is made first, and waits. This process becomes the supervisor, and finds in its
 * environment LEASEFS_RUN_CHILD=SOCKET:PID:WITNESS (see witness()). It sends the path of the mount, and receives the listener of the filter under
 * which the other process becomes CMD; each `{}` in CMD's words is that path. When the supervisor has ended, the calls
 * that the filter stops return ENOSYS.
 *
 * Exit codes of CMD's process as of env(1): 127 no such command, 126 it cannot be run, 125 a failure of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Enough for one of each, and some real-time signals more. */
#define PENDING_MAX 256
static siginfo_t pending[PENDING_MAX];
static int pending_count;

static const struct timespec at_once;

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

/* The word with the path for each `{}`; NULL when there is no memory. */
static char *replaced(const char *word, const char *path)
{
	size_t count = 0;
	for (const char *at = strstr(word, "{}"); at; at = strstr(at + 2, "{}"))
		count++;
	char *made = malloc(strlen(word) + count * strlen(path) + 1);
	char *to = made;
	while (made) {
		const char *at = strstr(word, "{}");
		size_t length = at ? (size_t)(at - word) : strlen(word);
		memcpy(to, word, length);
		to += length;
		*to = '\0';
		if (!at)
			break;
		to = stpcpy(to, path);
		word = at + 2;
	}
	return made;
}

/* In the process that becomes CMD. */
static int become(int socket, char **command)
{
	char path[PATH_MAX];
	ssize_t length;
	do
		length = recv(socket, path, sizeof path - 1, 0);
	while (length < 0 && errno == EINTR);
	/* The supervisor has ended, and has said why. */
	if (length <= 0)
		return 125;
	path[length] = '\0';
	for (char **word = command; *word; word++) {
		*word = replaced(*word, path);
		if (!*word)
			return fail(125, "the command");
	}
	if (setenv("LEASEFS_MNT", path, 1) < 0)
		return fail(125, "setenv");
	int listener = install();
	if (listener < 0)
		return fail(125, "cannot install the seccomp filter");
	if (send_listener(socket, listener) < 0)
		return fail(125, "cannot send the seccomp listener");
	/* CMD gets neither: the listener would let it answer its own calls. */
	if (close(listener) < 0 || close(socket) < 0)
		return fail(125, "close");
	execvp(command[0], command);
	return fail(errno == ENOENT ? 127 : 126, command[0]);
}

/* Signals that were blocked and pending when we began would end the supervisor, which blocks none. */
static void take_pending(void)
{
	sigset_t set;
	if (sigpending(&set) < 0)
		return;
	while (pending_count < PENDING_MAX && sigtimedwait(&set, &pending[pending_count], &at_once) > 0)
		pending_count++;
}

/* CMD has them pending, as it would have without us. */
static int give_pending(void)
{
	for (int n = 0; n < pending_count; n++)
		if (syscall(SYS_rt_sigqueueinfo, getpid(), pending[n].si_signo, &pending[n]) < 0)
			return -1;
	return 0;
}

static int is_same(const siginfo_t *one, const siginfo_t *other)
{
	return one->si_signo == other->si_signo && one->si_code == other->si_code && one->si_pid == other->si_pid;
}

/* A process of our process group, as long as the supervisor lives. All signals are blocked, so what is sent to the whole group,
 * by a terminal or kill(2), is pending here, before it comes to the supervisor: the kernel begins with the youngest process. The
 * supervisor, which passes signals on to CMD, asks for each whether it came here too: then CMD has it from the sender, or
 * is in another group by now and is not meant.
 */
static _Noreturn void witness(int socket)
{
	/* The last one of each number that was not asked for: two threads may ask in another order. */
	static siginfo_t left[_NSIG];
	siginfo_t asked;
	/* It holds no pipe open. */
	if (dup2(socket, 0) < 0 || syscall(SYS_close_range, 1, ~0U, 0) < 0)
		_exit(1);
	while (recv(0, &asked, sizeof asked, 0) == sizeof asked) {
		siginfo_t *seen = &left[asked.si_signo];
		char answer = is_same(seen, &asked);
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, asked.si_signo);
		while (!answer && sigtimedwait(&set, seen, &at_once) > 0)
			answer = is_same(seen, &asked);
		if (answer)
			seen->si_signo = 0;
		if (send(0, &answer, 1, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* Its socket, or -1. */
static int start_witness(void)
{
	int ends[2];
	sigset_t all, before;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		return -1;
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		witness(ends[1]);
	close(ends[1]);
	if (sigprocmask(SIG_SETMASK, &before, NULL) < 0 || pid < 0)
		return -1;
	int socket = fcntl(ends[0], F_DUPFD, 3);
	close(ends[0]);
	return socket;
}

/* Makes the process that becomes CMD, and leaves word of it in the environment. */
static int prepare(char **command)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(125, "socketpair");
	take_pending();
	pid_t pid = fork();
	if (pid < 0)
		return fail(125, "fork");
	if (pid == 0) {
		close(ends[0]);
		if (give_pending() < 0)
			_exit(fail(125, "the pending signals"));
		_exit(become(ends[1], command));
	}
	close(ends[1]);
	/* It stays open in the supervisor, and is no standard stream where one of these is closed. */
	int socket = fcntl(ends[0], F_DUPFD, 3);
	if (socket < 0)
		return fail(125, "fcntl");
	close(ends[0]);
	int group = start_witness();
	if (group < 0)
		return fail(125, "the witness of signals");
	char child[48];
	snprintf(child, sizeof child, "%d:%d:%d", socket, (int)pid, group);
	return setenv("LEASEFS_RUN_CHILD", child, 1) < 0 ? fail(125, "setenv") : 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: leasefs-launch SUPERVISOR [ARG...] -- CMD [ARG...]\n", stderr);
		return 125;
	}
	int end = 2;
	while (end < argc && strcmp(argv[end], "--"))
		end++;
	/* Without CMD the supervisor says what is wrong. */
	if (end + 1 < argc) {
		int failed = prepare(argv + end + 1);
		if (failed)
			return failed;
	}
	execvp(argv[1], argv + 1);
	return fail(errno == ENOENT ? 127 : 126, argv[1]);
}
