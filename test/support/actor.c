/*
 * actor.c - a process that does what the test tells it, one thread a command.
 *
 *	actor SOCKET NAME [UID [MEMLOCK [CAPS]]]
 *
 * It connects to the Unix socket, says `hello NAME PID`, then reads lines `ID VERB ARG...` and answers
 * `ID RESULT [TEXT]`, RESULT being 0 or more, or -errno. Commands that wait do so in their own thread, so that
 * the process can be given others while one runs. Descriptors and mappings live in numbered slots. `fork NAME` is
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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actor.h"
#include "leasefs-socket.h"

#define ARGS 8

/* links: where the mount carries no ioctl, the connection that stands for the description */
static int fds[SLOTS], links[SLOTS];
static struct {
	char *at;
	size_t len;
} maps[SLOTS];
static char signals[512];
static struct {
	long id;
	pthread_t thread;
} running[SLOTS];
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;

struct command {
	long id;
	char verb[32];
	char *arg[ARGS];
	char *line;
};

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
	watch_close(slot);
	return fail(close(fds[slot]));
}

static long poll_slot(int slot, short events, int ms)
{
	struct pollfd p = { .fd = fds[slot], .events = events };
	int r = poll(&p, 1, ms);

	return r > 0 ? p.revents : fail(r);
}

/* a break descriptor for the slot, unless it has one */
static long watch_slot(int slot)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI };

	/* finds out whether the file has ioctls or a link */
	if (call(slot, LEASEFS_IOC_GETLEASE, &lease) < 0)
		return -errno;
	return watch_open(slot, fds[slot], links[slot]);
}

static long lease_call(unsigned long request, int slot, unsigned kind, unsigned flags, int sig,
		       unsigned long long cookie, char *text)
{
	struct leasefs_lease l = {
		.version = LEASEFS_ABI, .kind = kind, .flags = flags, .signal = sig, .cookie = cookie
	};
	if (call(slot, request, &l) < 0)
		return -errno;
	sprintf(text, "%u %u %llu", l.kind, l.break_ms, (unsigned long long)l.description);
	return 0;
}

static long run(struct command *c, char *text)
{
#define IS(name) (!strcmp(c->verb, name))
#define N(i)     strtoll(c->arg[i], NULL, 0)
#define U(i)     strtoull(c->arg[i], NULL, 0)
#define FD(i)    fds[N(i)]
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
		struct leasefs_pin p = {
			.version = LEASEFS_ABI, .off = U(1), .len = U(2), .flags = N(3), .owner = U(4)
		};
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
	if (IS("uring_buffered"))
		return buffered(FD(0), N(1), N(2));
	if (IS("uring_close"))
		return fail(close(rings[N(0)]));
	if (IS("poll"))
		return poll_slot(N(0), N(1), N(2));
	if (IS("watch"))
		return watch_slot(N(0));
	if (IS("break"))
		return watch_slot(N(0)) < 0 ? -errno : watch_break(N(0), N(1));
	if (IS("stat")) {
		struct stat st;
		if (fstat(FD(0), &st) < 0)
			return -errno;
		sprintf(text, "%lld %lld %lld.%09ld %lu", (long long)st.st_size, (long long)st.st_blocks,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long)st.st_nlink);
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

static void ignored(int sig)
{
	(void)sig;
}

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
					have = 0;
					signals[0] = 0;
					memset(running, 0, sizeof running);
					/* a thread that had just ended may have held it, and is not here to let go */
					pthread_mutex_init(&running_lock, NULL);
					join_anew(c->arg[0]);
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
