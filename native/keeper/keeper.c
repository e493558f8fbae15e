/* leasefs-keeper PLACE DEATHS SECONDS PROGRAM [ARG...]: the parent of a daemon that may die. It starts the daemon with a
 * socket as descriptor PLACE, holds the descriptors that the daemon names (/dev/fuse, memory), and when the daemon dies
 * starts the next one, which gets them. The kernel keeps the mount, its open files and requests for as long as /dev/fuse
 * is open here.
 *
 * One record of SOCK_SEQPACKET a message; its first byte says which:
 *   from the daemon  P<name> with a descriptor: keep it, instead of one of the same name. D<name>: close it.
 *                    M<mount id> <path>: what is mounted where. R: the daemon serves.
 *                    U<program>\0<argument>\0...: the next daemon's; this one then ends with exit code 75.
 *   to the daemon    H<name> with a descriptor, for each that is kept; then E<deaths>: that was all.
 *
 * The daemon's exit code 0 ends the keeper too: the mount is gone. So does, before the first R, any other end: the mount
 * could not be made. More than DEATHS deaths within SECONDS detach the mount and end the keeper. A program given by U
 * that ends before its R is followed by the one before it.
 *
 * SIGTERM and SIGINT go to the daemon, SIGHUP too; no other signal does anything. The daemon has a session of its own: what a
 * terminal sends comes once. Its standard error is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define DEATHS_MAX  63 /* that DEATHS can be */
#define UPGRADE     75
#define AGAIN_MS    1000 /* until a start that failed is tried again */
#define DRAINED_MAX 100000

struct running running = { .pidfd = -1, .socket = -1 };
bool started, held[_NSIG];
char **current, **before_it, **after_it;
sigset_t mask_before;
unsigned long deaths;
unsigned long mount_id;
char mount_path[PATH_MAX];

static int place, signals;
static unsigned long deaths_allowed, seconds;
static time_t died[DEATHS_MAX + 1];
static unsigned long lost; /* lines that could not be written */

void say(const char *format, ...)
{
	char line[PATH_MAX];
	struct pollfd out = { .fd = 2, .events = POLLOUT };
	va_list values;
	va_start(values, format);
	int length = vsnprintf(line, sizeof line - 1, format, values);
	va_end(values);
	if (length < 0 || poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT)) {
		lost++;
		return;
	}
	if (length > (int)sizeof line - 2)
		length = sizeof line - 2;
	for (int at = 0; at < length; at++)
		if ((unsigned char)line[at] < ' ')
			line[at] = '?';
	line[length++] = '\n';
	if (write(2, line, length) < 0)
		lost++;
}

void shut(int *fd)
{
	/* Linux frees the number even if close(2) fails. */
	if (*fd >= 0 && close(*fd) < 0 && errno == EBADF)
		say("leasefs keeper: descriptor %d was closed before", *fd);
	*fd = -1;
}

void pass_on(int number)
{
	if (syscall(SYS_pidfd_send_signal, running.pidfd, number, NULL, 0) < 0 && errno != ESRCH)
		say("leasefs keeper: signal %d: %s", number, strerror(errno));
}

static _Noreturn void become(int socket)
{
	if (setsid() < 0 || sigprocmask(SIG_SETMASK, &mask_before, NULL) < 0)
		_exit(125);
	if (socket == place ? fcntl(socket, F_SETFD, 0) < 0 : dup2(socket, place) < 0)
		_exit(125);
	execv(current[0], current);
	say("leasefs keeper: %s: %s", current[0], strerror(errno));
	_exit(127);
}

/* False: not now. */
static bool start(void)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0)
		become(ends[1]);
	shut(&ends[1]);
	int pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		shut(&ends[0]);
		if (pid > 0 && (kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) < 0))
			say("leasefs keeper: process %d: %s", (int)pid, strerror(errno));
		return false;
	}
	running.pid = pid;
	running.pidfd = pidfd;
	running.socket = ends[0];
	running.greeted = 0;
	running.serves = running.babbled = running.dead = false;
	return true;
}

/* What we were started with belongs to the daemon alone: a reader sees its end. */
static void close_inherited(void)
{
	int highest = signals > running.pidfd ? signals : running.pidfd;
	if (running.socket > highest)
		highest = running.socket;
	for (int fd = 3; fd < highest; fd++) {
		int it = fd;
		if (fd != signals && fd != running.pidfd && fd != running.socket && fcntl(fd, F_GETFD) >= 0)
			shut(&it);
	}
	if (syscall(SYS_close_range, highest + 1, ~0U, 0) < 0)
		say("leasefs keeper: close_range: %s", strerror(errno));
}

static bool too_many(void)
{
	struct timespec now;
	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return true;
	died[deaths % (DEATHS_MAX + 1)] = now.tv_sec;
	deaths++;
	if (deaths <= deaths_allowed)
		return false;
	return now.tv_sec - died[(deaths - 1 - deaths_allowed) % (DEATHS_MAX + 1)] < (time_t)seconds;
}

/* The exit code of the keeper; -1: the next daemon begins. */
static int after_death(pid_t pid, int status)
{
	bool exited = WIFEXITED(status);
	int code = exited ? WEXITSTATUS(status) : WTERMSIG(status);
	if (exited && code == 0)
		return 0;
	if (!started) {
		end_mount();
		return exited ? code : 128 + code;
	}
	/* It handles these while it serves: they killed it at the end of an ordered end, when nothing handles them any more. */
	if (!exited && running.serves && (code == SIGTERM || code == SIGINT)) {
		end_mount();
		return 0;
	}
	if (exited && code == UPGRADE && after_it) {
		before_it = current;
		current = after_it;
		after_it = NULL;
		return -1;
	}
	after_it = NULL;
	const char *which = "the next one begins";
	if (!running.serves && before_it) {
		current = before_it;
		before_it = NULL;
		which = "it never served, so the program before it begins again";
	}
	const char *how = exited ? "exit code" : "signal";
	if (too_many()) {
		say("leasefs keeper: daemon %d of %s ended with %s %d: more than %lu ends in %lu s, so the mount ends",
		    (int)pid, mount_path, how, code, deaths_allowed, seconds);
		end_mount();
		return 1;
	}
	say("leasefs keeper: daemon %d of %s ended with %s %d: %s", (int)pid, mount_path, how, code, which);
	return -1;
}

/* Of a daemon that has ended; -1 as after_death. */
static int bury(int status)
{
	pid_t pid = running.pid;
	/* What it sent before. Another process may have its socket and still send. */
	for (int n = 0; n < DRAINED_MAX && running.socket >= 0 && take(); n++)
		;
	running.pid = 0;
	shut(&running.pidfd);
	shut(&running.socket);
	int code = after_death(pid, status);
	if (code < 0 && !start())
		say("leasefs keeper: no daemon can be started now: %s", strerror(errno));
	return code;
}

/* Our children that have ended: the daemon, and as the first process of a container those of others. -1 as after_death. */
static int reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int code = pid == running.pid ? bury(status) : -1;
		if (code >= 0)
			return code;
	}
	return -1;
}

/* Its end is there once. If it is not ours yet, SIGCHLD comes when it is. */
static int reap_daemon(void)
{
	pid_t pid = running.pid;
	int code = reap();
	if (code < 0 && running.pid == pid)
		running.dead = true;
	return code;
}

/* -1: go on. */
static int take_signals(void)
{
	struct signalfd_siginfo info;
	while (read(signals, &info, sizeof info) == sizeof info) {
		int number = info.ssi_signo;
		bool ends = number == SIGTERM || number == SIGINT;
		if (ends && running.pid == 0) {
			end_mount();
			return 1;
		}
		if (!ends && number != SIGHUP)
			continue;
		/* Until it serves, a signal would kill it. Before there is a mount that is right. */
		if (running.serves || (ends && !started))
			pass_on(number);
		else
			held[number] = true;
	}
	return reap();
}

/* The exit code. */
static int watch(void)
{
	int code = -1;
	int wait_ms = 0;
	while (code < 0) {
		bool greeting = running.socket >= 0 && running.greeted != GREETED;
		short wanted = greeting ? (wait_ms > 0 ? 0 : POLLOUT) : POLLIN;
		struct pollfd polled[] = { { .fd = signals, .events = POLLIN },
					   { .fd = running.dead ? -1 : running.pidfd, .events = POLLIN },
					   { .fd = running.socket, .events = wanted } };
		int timeout = running.pid == 0 ? AGAIN_MS : wait_ms > 0 ? wait_ms : -1;
		int ready = poll(polled, 3, timeout);
		wait_ms = 0;
		if (ready < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM)
			return 1;
		if (ready < 0)
			continue;
		if (polled[0].revents)
			code = take_signals();
		else if (polled[1].revents)
			code = reap_daemon();
		else if (running.pid == 0)
			(void)start();
		else if (greeting)
			wait_ms = greet();
		else if (polled[2].revents && !take() && polled[2].revents & (POLLHUP | POLLERR))
			shut(&running.socket);
	}
	return code;
}

static bool number(const char *text, unsigned long least, unsigned long most, unsigned long *value)
{
	char *end;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && text[0] >= '0' && text[0] <= '9' && !*end && *value >= least && *value <= most;
}

int main(int argc, char **argv)
{
	unsigned long fd;
	if (argc < 5 || !number(argv[1], 3, INT_MAX, &fd) || !number(argv[2], 0, DEATHS_MAX, &deaths_allowed) ||
	    !number(argv[3], 1, INT_MAX, &seconds)) {
		say("usage: leasefs-keeper PLACE DEATHS SECONDS PROGRAM [ARG...]");
		return 2;
	}
	place = fd;
	current = argv + 4;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			say("leasefs keeper: setrlimit: %s", strerror(errno));
	}
	/* A blocked signal does nothing, also where its default would end us. */
	sigset_t all, some;
	if (sigfillset(&all) < 0 || sigprocmask(SIG_SETMASK, &all, &mask_before) < 0 || sigemptyset(&some) < 0 ||
	    sigaddset(&some, SIGTERM) < 0 || sigaddset(&some, SIGINT) < 0 || sigaddset(&some, SIGHUP) < 0 ||
	    sigaddset(&some, SIGCHLD) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
		say("leasefs keeper: signals: %s", strerror(errno));
		return 1;
	}
	signals = signalfd(-1, &some, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || !start()) {
		say("leasefs keeper: cannot start: %s", strerror(errno));
		return 1;
	}
	close_inherited();
	return watch();
}
