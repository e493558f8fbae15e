/* SPDX-License-Identifier: MIT
 *
 * proposal.h - what the scenario programs share: expectations, leases, processes.
 *
 *	SCENARIO DIRECTORY
 *
 * A scenario is a story of the 2019 thread 'RDMA/FS DAX truncate' in plain system calls, so that it runs on
 * any file system and on a patched kernel as well:
 *
 *	gcc scenarios/zombie.c lease-fcntl.c memory-uring.c -o zombie && ./zombie /mnt
 *
 * It prints one line an expectation,
 *
 *	scenario, step, expected, got
 *
 * and exits 0 (as the proposal has it), 1 (differs), 77 (cannot be tried here, and why). Every wait is bounded.
 */
#ifndef PROPOSAL_H
#define PROPOSAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lease.h"
#include "memory.h"

/* The proposal's arguments to F_SETLEASE; it gives no value for F_UNBREAK. */
#define F_LAYOUT    16
#define F_EXCLUSIVE 32
#define F_UNBREAK   64

#define NONE             F_UNLCK
#define SHARED_BREAKABLE (F_RDLCK | F_LAYOUT)
#define SHARED           (F_RDLCK | F_LAYOUT | F_UNBREAK)
#define EXCLUSIVE        (F_LAYOUT | F_EXCLUSIVE)

#define BLOCK     4096
#define MIB       (1 << 20)
#define FILE_SIZE (4 * MIB)
#define FILL      0x11
/* Seconds, 30 if the environment has no LIMIT_SECONDS: a process that takes longer ends. */
#define LIMIT_SECONDS (getenv("LIMIT_SECONDS") ? atoi(getenv("LIMIT_SECONDS")) : 30)

static const char *scenario;
static char path[4096];
static pid_t storyteller;
static bool differs;

/* What a system call answered: 0 or more, or -errno. */
static inline long answer(long result)
{
	return result < 0 ? -errno : result;
}

/* ---- expectations ---- */

static inline const char *name_of(long result)
{
	return result >= 0 ? "ok" : strerrorname_np(-result) ? strerrorname_np(-result) : "?";
}

static inline void line(const char *step, const char *expected, const char *got)
{
	printf("%s, %s, %s, %s\n", scenario, step, expected, got);
	differs = differs || strcmp(expected, got);
}

/* `expected` and `got`: 0 or more, which is ok, or -errno. */
static inline void expect(const char *step, long expected, long got)
{
	line(step, name_of(expected), name_of(got));
}

/* Values: a byte, a size, a signal. */
static inline void expect_value(const char *step, long expected, long got)
{
	char e[24], g[24];

	snprintf(e, sizeof e, "%ld", expected);
	snprintf(g, sizeof g, "%ld", got);
	line(step, e, got < 0 ? name_of(got) : g);
}

static inline int finish(void)
{
	unlink(path);
	return differs ? 1 : 0;
}

/* The story cannot go on to its end here; what differed before says enough. */
static inline _Noreturn void cannot(const char *step, long got)
{
	printf("%s, %s, ok, %s (cannot be tried here)\n", scenario, step, name_of(got));
	unlink(path);
	exit(differs ? 1 : 77);
}

/* ---- the file ---- */

static inline void must(const char *what, bool done)
{
	if (done)
		return;
	fprintf(stderr, "%s: %s: %s\n", scenario, what, strerror(errno));
	if (getpid() == storyteller)
		unlink(path);
	_exit(2);
}

static inline int open_file(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	must("open", fd >= 0);
	return fd;
}

/* A file of FILE_SIZE bytes FILL in the directory of the arguments; a descriptor of it. */
static inline int begin(int argc, char **argv)
{
	static char block[MIB];

	scenario = program_invocation_short_name;
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", scenario);
		exit(2);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(LIMIT_SECONDS);
	storyteller = getpid();
	snprintf(path, sizeof path, "%s/%s.%d", argv[1], scenario, storyteller);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	must(path, fd >= 0);
	memset(block, FILL, sizeof block);
	for (int i = 0; i < FILE_SIZE / MIB; i++)
		must("write", write(fd, block, sizeof block) == sizeof block);
	return fd;
}

static inline char *map(int fd)
{
	char *at = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must("mmap", at != MAP_FAILED);
	return at;
}

static inline long size_now(void)
{
	struct stat st;
	return stat(path, &st) < 0 ? -errno : st.st_size;
}

/* The byte at `off`, as another descriptor reads it. */
static inline long byte_at(off_t off)
{
	unsigned char byte;
	int fd = open_file();
	long n = answer(pread(fd, &byte, 1, off));

	close(fd);
	return n == 1 ? byte : n < 0 ? n : -ENODATA;
}

static inline long punch(off_t off, off_t len)
{
	int fd = open_file();
	long r = answer(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len));

	close(fd);
	return r;
}

static inline long cut(off_t size)
{
	return answer(truncate(path, size));
}

static inline long open_truncating(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	return fd < 0 ? -errno : close(fd);
}

/* ---- leases ---- */

static inline void expect_lease(const char *step, int expected, int fd)
{
	expect_value(step, expected, lease_get(fd));
}

/* Whether a new description could have such a lease. */
static inline long lease_elsewhere(int kind)
{
	int fd = open_file();
	long r = lease_set(fd, kind);

	close(fd);
	return r;
}

/* SIGIO is kept for await_sigio. */
static inline void hold_sigio(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	must("sigprocmask", sigprocmask(SIG_BLOCK, &set, NULL) == 0);
}

/* SIGIO when it comes within 3 s; else -EAGAIN. */
static inline long await_sigio(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	return answer(sigtimedwait(&set, NULL, &(struct timespec){ 3, 0 }));
}

/* ---- registered memory ---- */

static inline struct memory device(void)
{
	struct memory m;
	long r = memory_open(&m);

	if (r < 0)
		cannot(memory_device, r);
	return m;
}

/* What a registration answered that the proposal allows. There are file systems whose memory cannot be registered; of
 * a file that was cut, which differed before, there is none either. */
static inline void expect_registered(const char *step, long got)
{
	if (got == -EFAULT || got == -EOPNOTSUPP)
		cannot(step, got);
	expect(step, 0, got);
}

/* What registering answers; no registration stays. */
static inline long try_register(void *at, size_t len)
{
	struct memory m;
	long r = memory_open(&m);

	if (r < 0)
		return r;
	r = memory_register(&m, at, len);
	if (r >= 0)
		memory_unregister(&m);
	memory_close(&m);
	return r;
}

/* ---- processes ---- */

/* Another process, and the socket through which it is talked to. */
struct process {
	pid_t pid;
	int line;
};

static inline void say(int to, long value)
{
	must("say", write(to, &value, sizeof value) == sizeof value);
}

/* -ENODATA when the other one is gone. */
static inline long hear(int from)
{
	long value;
	ssize_t n;

	while ((n = read(from, &value, sizeof value)) < 0 && errno == EINTR)
		;
	return n == sizeof value ? value : -ENODATA;
}

/* Forks; the child plays `role` and ends. It has all descriptors and mappings of ours. */
static inline struct process start(void (*role)(int line))
{
	int pair[2];

	must("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(stdout);
	pid_t pid = fork();
	must("fork", pid >= 0);
	if (pid == 0) {
		alarm(LIMIT_SECONDS);
		close(pair[0]);
		role(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	return (struct process){ pid, pair[0] };
}

/* Lets it go on to its end, and waits for that. */
static inline void end(struct process p)
{
	close(p.line);
	waitpid(p.pid, NULL, 0);
}

static inline void send_descriptor(int to, int fd)
{
	char byte = 0, space[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	must("sendmsg", sendmsg(to, &msg, 0) == 1);
}

static inline int receive_descriptor(int from)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	int fd;

	must("recvmsg", recvmsg(from, &msg, MSG_CMSG_CLOEXEC) == 1);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	must("a descriptor", c != NULL && c->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

/* What `call` answers to a process of its own: 0, or -errno. */
#define BY_ANOTHER(call)                                                   \
	({                                                                 \
		int status_ = 0;                                           \
		fflush(stdout);                                            \
		pid_t pid_ = fork();                                       \
		must("fork", pid_ >= 0);                                   \
		if (pid_ == 0) {                                           \
			alarm(LIMIT_SECONDS);                              \
			long r_ = (call);                                  \
			_exit(r_ < 0 ? -r_ : 0);                           \
		}                                                          \
		waitpid(pid_, &status_, 0);                                \
		WIFEXITED(status_) ? -(long)WEXITSTATUS(status_) : -EINTR; \
	})

/* The same, asked again while it is refused: registrations and leases end a moment after close(2) or exit(2). */
#define SOON_BY_ANOTHER(call)                                               \
	({                                                                  \
		long last_ = BY_ANOTHER(call);                              \
		for (int i_ = 0; i_ < 500 && refused(last_); i_++) {        \
			nanosleep(&(struct timespec){ 0, 10000000 }, NULL); \
			last_ = BY_ANOTHER(call);                           \
		}                                                           \
		last_;                                                      \
	})

static inline bool refused(long result)
{
	return result == -ETXTBSY || result == -EAGAIN;
}

#endif /* PROPOSAL_H */
