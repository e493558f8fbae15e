/*
 * actor.c - a process that does what the test tells it, one thread a command.
 *
 *	actor SOCKET NAME [UID [MEMLOCK [CAPS]]]
 *
 * It connects to the Unix socket, says `hello NAME PID`, then reads lines `ID VERB ARG...` and answers
 * `ID RESULT [TEXT]`, RESULT being 0 or more, or -errno. Commands that wait do so in their own thread, so that
 * the process can be given others meanwhile. Descriptors and mappings live in numbered slots. `fork NAME` is
 * a real fork: the child connects as NAME and has every descriptor and mapping.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "leasefs-socket.h"

#define SLOTS 256
#define ARGS 8

/* links: where the mount carries no ioctl, the connection that stands for the description */
static int fds[SLOTS], links[SLOTS], rings[SLOTS];
static struct { char *at; size_t len; } maps[SLOTS];
static struct io_uring_params ring_params;
static int control, mailbox;
static const char *socket_path;
static char signals[512];
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;
static struct { long id; pthread_t thread; } running[SLOTS];
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;

struct command {
	long id;
	char verb[32];
	char *arg[ARGS];
	char *line;
};

static void answer(long id, long result, const char *text)
{
	char line[1024];
	int n = snprintf(line, sizeof line, "%ld %ld %s\n", id, result, text ? text : "");
	pthread_mutex_lock(&answering);
	if (write(control, line, n) != n)
		_exit(3);
	pthread_mutex_unlock(&answering);
}

static long fail(long r) { return r < 0 ? -errno : r; }

static void mailbox_address(const char *name, struct sockaddr_un *to, socklen_t *len)
{
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	/* abstract: gone with its process; named after the controller's socket, so that runs do not meet */
	int n = snprintf(to->sun_path + 1, sizeof to->sun_path - 1, "%s/%s", socket_path, name);
	*len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
}

static void join(const char *name)
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

static long send_fd(int fd, const char *name)
{
	struct sockaddr_un to;
	socklen_t len;
	char byte = 'x', space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };

	mailbox_address(name, &to, &len);
	struct msghdr msg = { .msg_name = &to, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return fail(sendmsg(mailbox, &msg, 0));
}

static long receive_fd(void)
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

/* IORING_OP_READ_FIXED of `len` bytes of `byte` into the registered buffer at `to`, through a pipe. */
static long fixed_read(int ring, char *to, size_t len, int byte)
{
	int pipefd[2], r;
	char *data = malloc(len);

	if (pipe(pipefd) < 0)
		return -errno;
	fcntl(pipefd[1], F_SETPIPE_SZ, 1 << 20);
	memset(data, byte, len);
	if (write(pipefd[1], data, len) != (ssize_t)len)
		return -EIO;
	free(data);
	char *sq = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqe = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || sqe == (void *)MAP_FAILED)
		return -errno;
	unsigned *tail = (unsigned *)(sq + ring_params.sq_off.tail);
	unsigned *array = (unsigned *)(sq + ring_params.sq_off.array);
	unsigned *head = (unsigned *)(sq + ring_params.cq_off.head), *cqtail = (unsigned *)(sq + ring_params.cq_off.tail);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(sq + ring_params.cq_off.cqes);
	unsigned mask = ring_params.sq_entries - 1, at = *tail & mask;

	memset(&sqe[at], 0, sizeof sqe[at]);
	sqe[at].opcode = IORING_OP_READ_FIXED;
	sqe[at].fd = pipefd[0];
	sqe[at].addr = (uintptr_t)to;
	sqe[at].len = len;
	sqe[at].off = -1;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	r = syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (r < 0)
		r = -errno;
	else if (*head != __atomic_load_n(cqtail, __ATOMIC_ACQUIRE)) {
		r = cqe[*head & (ring_params.cq_entries - 1)].res;
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	}
	close(pipefd[0]);
	close(pipefd[1]);
	munmap(sq, 4096);
	munmap(sqe, 4096);
	return r;
}

/* One buffer; in a sparse table of `table` entries, if that is not 0, the last of them. */
static long register_buffer(int ring, struct iovec *iov, unsigned table)
{
	if (!table)
		return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, iov, 1);
	struct io_uring_rsrc_register sparse = { .nr = table, .flags = IORING_RSRC_REGISTER_SPARSE };
	struct io_uring_rsrc_update2 update = { .offset = table - 1, .data = (uintptr_t)iov, .nr = 1 };
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS2, &sparse, sizeof sparse) < 0)
		return -1;
	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof update);
}

static long ring_register(int slot, char *at, size_t len, unsigned setup, unsigned table)
{
	struct iovec iov = { at, len };
	memset(&ring_params, 0, sizeof ring_params);
	ring_params.flags = setup;
	int ring = syscall(SYS_io_uring_setup, 4, &ring_params);
	if (ring < 0)
		return -errno;
	if (register_buffer(ring, &iov, table) < 0) {
		long e = -errno;
		close(ring);
		return e;
	}
	rings[slot] = ring;
	return 0;
}

/* Keeps the ring's lock busy for `ms`. */
static long ring_spin(int ring, long ms)
{
	struct { struct io_uring_probe probe; struct io_uring_probe_op ops[256]; } room;
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000;
	do {
		for (int i = 0; i < 100; i++) {
			memset(&room, 0, sizeof room);
			if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, &room, 256) < 0)
				return -errno;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	return 0;
}

/* ioctl(2), or what stands for it */
static int call(int slot, unsigned long request, void *data)
{
	if (!links[slot]) {
		if (ioctl(fds[slot], request, data) == 0)
			return 0;
		if (errno != ENOTTY)
			return -1;
		int link = leasefs_connect(fds[slot], 0);
		if (link < 0)
			return -1;
		links[slot] = link;
	}
	return leasefs_ioctl(links[slot], request, data);
}

/* close(2); of a slot that never was open, its error */
static long close_slot(int slot)
{
	if (links[slot])
		close(links[slot]);
	links[slot] = 0;
	return fail(close(fds[slot]));
}

static long poll_slot(int slot, short events, int ms)
{
	struct leasefs_lease lease;
	struct pollfd p = { .fd = fds[slot], .events = events };
	int r = links[slot] ? leasefs_wait_break(links[slot], &lease, ms) : poll(&p, 1, ms);

	if (r <= 0)
		return fail(r);
	return links[slot] ? POLLPRI : p.revents;
}

static long lease_call(unsigned long request, int slot, unsigned kind, unsigned flags, int sig, unsigned long long cookie,
		       char *text)
{
	struct leasefs_lease l = { .version = LEASEFS_ABI, .kind = kind, .flags = flags, .signal = sig, .cookie = cookie };
	if (call(slot, request, &l) < 0)
		return -errno;
	sprintf(text, "%u %u %llu", l.kind, l.break_ms, (unsigned long long)l.description);
	return 0;
}

static long run(struct command *c, char *text)
{
#define IS(name) (!strcmp(c->verb, name))
#define N(i) strtoll(c->arg[i], NULL, 0)
#define U(i) strtoull(c->arg[i], NULL, 0)
#define FD(i) fds[N(i)]
	if (IS("open"))
		return fail(FD(0) = open(c->arg[1], N(2) | O_CLOEXEC, 0644));
	if (IS("close"))
		return close_slot(N(0));
	if (IS("dup")) {
		links[N(1)] = links[N(0)] ? dup(links[N(0)]) : 0;
		return fail(FD(1) = dup(FD(0)));
	}
	if (IS("setlease"))
		return lease_call(LEASEFS_IOC_SETLEASE, N(0), N(1), N(2), N(3), U(4), text);
	if (IS("getlease"))
		return lease_call(LEASEFS_IOC_GETLEASE, N(0), 0, 0, 0, 0, text);
	if (IS("pin")) {
		struct leasefs_pin p = { .version = LEASEFS_ABI, .off = U(1), .len = U(2), .flags = N(3), .owner = U(4) };
		return call(N(0), LEASEFS_IOC_PIN, &p) < 0 ? -errno : (long)p.id;
	}
	if (IS("pin_many")) {
		struct leasefs_pin p = { .version = LEASEFS_ABI };
		for (long i = 0; i < N(1); i++) {
			p.off = (i % N(2)) * 4096;
			p.len = 4096;
			if (call(N(0), LEASEFS_IOC_PIN, &p) < 0)
				return -errno;
		}
		return N(1);
	}
	if (IS("unpin")) {
		struct leasefs_unpin u = { .version = LEASEFS_ABI, .id = U(1), .flags = N(2) };
		return call(N(0), LEASEFS_IOC_UNPIN, &u) < 0 ? -errno : (long)u.count;
	}
	if (IS("getpins")) {
		struct leasefs_pins p = { .version = LEASEFS_ABI, .after = U(1) };
		if (call(N(0), LEASEFS_IOC_GETPINS, &p) < 0)
			return -errno;
		sprintf(text, "%llu %llu", (unsigned long long)p.total, p.count ? (unsigned long long)p.pins[0].id : 0);
		return p.count;
	}
	if (IS("ioctl_raw")) { /* FD REQUEST BYTES...: a struct of the size in REQUEST, its first words given */
		unsigned char data[16384] = { 0 };
		for (int i = 2; i < ARGS && c->arg[i]; i++)
			((unsigned *)data)[i - 2] = U(i);
		return fail(ioctl(FD(0), U(1), data));
	}
	if (IS("truncate"))
		return fail(truncate(c->arg[0], N(1)));
	if (IS("ftruncate"))
		return fail(ftruncate(FD(0), N(1)));
	if (IS("fallocate"))
		return fail(fallocate(FD(0), N(1), N(2), N(3)));
	if (IS("pwrite")) {
		char *data = malloc(N(2));
		memset(data, N(3), N(2));
		long r = fail(pwrite(FD(0), data, N(2), N(1)));
		free(data);
		return r;
	}
	if (IS("pread")) { /* the byte at OFF */
		unsigned char b;
		long r = fail(pread(FD(0), &b, 1, N(1)));
		return r == 1 ? b : r < 0 ? r : -ENODATA;
	}
	if (IS("mmap")) {
		void *p = mmap(0, N(3), PROT_READ | PROT_WRITE, MAP_SHARED, FD(0), N(2));
		if (p == MAP_FAILED)
			return -errno;
		maps[N(1)].at = p;
		maps[N(1)].len = N(3);
		return 0;
	}
	if (IS("move")) { /* the mapping, to another address */
		size_t len = maps[N(0)].len;
		void *to = mmap(0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (to == MAP_FAILED || mremap(maps[N(0)].at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			return -errno;
		maps[N(0)].at = to;
		return 0;
	}
	if (IS("munmap"))
		return fail(munmap(maps[N(0)].at, maps[N(0)].len));
	if (IS("store"))
		return memset(maps[N(0)].at + N(1), N(3), N(2)) ? 0 : -EFAULT;
	if (IS("load"))
		return (unsigned char)maps[N(0)].at[N(1)];
	if (IS("msync"))
		return fail(msync(maps[N(0)].at, maps[N(0)].len, MS_SYNC));
	if (IS("madvise"))
		return fail(madvise(maps[N(0)].at + N(1), N(2), N(3)));
	if (IS("uring_register"))
		return ring_register(N(0), maps[N(1)].at + N(2), N(3), c->arg[4] ? N(4) : 0, c->arg[5] ? N(5) : 0);
	if (IS("uring_unregister"))
		return fail(syscall(SYS_io_uring_register, rings[N(0)], IORING_UNREGISTER_BUFFERS, NULL, 0));
	if (IS("uring_spin"))
		return ring_spin(rings[N(0)], N(1));
	if (IS("uring_read"))
		return fixed_read(rings[N(0)], maps[N(1)].at + N(2), N(3), N(4));
	if (IS("uring_close"))
		return fail(close(rings[N(0)]));
	if (IS("poll"))
		return poll_slot(N(0), N(1), N(2));
	if (IS("stat")) {
		struct stat st;
		if (fstat(FD(0), &st) < 0)
			return -errno;
		sprintf(text, "%lld %lld %lld.%09ld %lu", (long long)st.st_size, (long long)st.st_blocks,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_nlink);
		return 0;
	}
	if (IS("chown"))
		return fail(chown(c->arg[0], N(1), N(2)));
	if (IS("unlink"))
		return fail(unlink(c->arg[0]));
	if (IS("send"))
		return send_fd(FD(0), c->arg[1]);
	if (IS("receive"))
		return fail(FD(0) = receive_fd());
	if (IS("signals")) {
		strcpy(text, signals);
		return 0;
	}
	if (IS("interrupt")) { /* a signal to the thread of command ID */
		long r = -ESRCH;
		pthread_mutex_lock(&running_lock);
		for (int i = 0; i < SLOTS; i++)
			if (running[i].id == N(0))
				r = -pthread_kill(running[i].thread, SIGUSR1);
		pthread_mutex_unlock(&running_lock);
		return r;
	}
	if (IS("exec")) /* the same process, another program: leases stay with it */
		return fail(execl("/bin/sleep", "sleep", c->arg[0], NULL));
	return -ENOSYS;
}

static void *thread(void *arg)
{
	struct command *c = arg;
	char text[512] = "";
	long result = run(c, text);
	pthread_mutex_lock(&running_lock);
	for (int i = 0; i < SLOTS; i++)
		if (running[i].id == c->id)
			running[i].id = 0;
	pthread_mutex_unlock(&running_lock);
	answer(c->id, result, text);
	free(c->line);
	free(c);
	return NULL;
}

static void noted(int sig, siginfo_t *info, void *context)
{
	(void)context;
	char one[64];
	/* not async-signal-safe in general; here nothing else uses snprintf's locale while it runs */
	snprintf(one, sizeof one, "%d:%llu ", sig, (unsigned long long)(uintptr_t)info->si_value.sival_ptr);
	strncat(signals, one, sizeof signals - strlen(signals) - 1);
}

static void ignored(int sig) { (void)sig; }

static void start(struct command *c)
{
	pthread_t t;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_mutex_lock(&running_lock);
	if (pthread_create(&t, &attr, thread, c))
		_exit(6);
	for (int i = 0; i < SLOTS; i++)
		if (!running[i].id) {
			running[i].id = c->id;
			running[i].thread = t;
			break;
		}
	pthread_mutex_unlock(&running_lock);
}

static void become(int argc, char **argv)
{
	if (argc > 4 && *argv[4]) {
		struct rlimit limit = { strtoull(argv[4], NULL, 0), strtoull(argv[4], NULL, 0) };
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	if (argc > 3 && atoi(argv[3]) > 0) {
		unsigned long long caps = argc > 5 ? strtoull(argv[5], NULL, 0) : 0;
		prctl(PR_SET_KEEPCAPS, 1);
		if (setgid(atoi(argv[3])) || setuid(atoi(argv[3])))
			_exit(7);
		struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
		struct __user_cap_data_struct data[2] = {
			{ .effective = caps, .permitted = caps },
			{ .effective = caps >> 32, .permitted = caps >> 32 },
		};
		if (syscall(SYS_capset, &head, data))
			_exit(8);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	socket_path = argv[1];
	become(argc, argv);
	struct sigaction act = { .sa_sigaction = noted, .sa_flags = SA_SIGINFO | SA_RESTART };
	for (int sig = SIGRTMIN; sig < SIGRTMIN + 8; sig++)
		sigaction(sig, &act, NULL);
	sigaction(SIGIO, &act, NULL);
	struct sigaction none = { .sa_handler = ignored };
	sigaction(SIGUSR1, &none, NULL);
	join(argv[2]);
	char line[1024];
	size_t have = 0;
	for (;;) {
		ssize_t n = read(control, line + have, sizeof line - have);
		if (n <= 0)
			_exit(0);
		have += n;
		char *end;
		while ((end = memchr(line, '\n', have))) {
			struct command *c = calloc(1, sizeof *c);
			*end = 0;
			c->line = strdup(line);
			have -= end + 1 - line;
			memmove(line, end + 1, have);
			char *save, *word = strtok_r(c->line, " ", &save);
			c->id = atol(word);
			word = strtok_r(NULL, " ", &save);
			strncpy(c->verb, word ? word : "", sizeof c->verb - 1);
			for (int i = 0; i < ARGS && (c->arg[i] = strtok_r(NULL, " ", &save)); i++)
				;
			if (IS("exit"))
				_exit(0);
			if (IS("fork")) { /* here, where no other thread of ours holds a lock of libc's for long */
				pid_t pid = fork();
				if (pid == 0) {
					close(control);
					close(mailbox);
					have = 0;
					signals[0] = 0;
					memset(running, 0, sizeof running);
					/* a thread that had just answered may have held them, and is not here to let go */
					pthread_mutex_init(&answering, NULL);
					pthread_mutex_init(&running_lock, NULL);
					join(c->arg[0]);
				} else {
					answer(c->id, fail(pid), NULL);
				}
				free(c->line);
				free(c);
				continue;
			}
			start(c);
		}
	}
}
