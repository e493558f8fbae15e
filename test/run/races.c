/* races dup2|kill|setns ROUNDS MNT: calls of `leasefs run` while the program changes what they are about. Prints a line for
 * each thing that is wrong, and `done`.
 *
 * dup2: a thread moves two files to one number, again and again, while another takes and releases a lease by it.
 * kill: a thread that waits for a lease, or takes one, or registers memory, gets SIGKILL.
 * setns: leases and registrations in a pid and a mount namespace that is made, and in one that is entered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1 << 16)

static const char *mnt;
static int rounds;

static int at(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/races-%s", mnt, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, SIZE) < 0) {
		perror(path);
		exit(3);
	}
	return fd;
}

/* The call must succeed, or fail with one of two errors. */
static void must(const char *what, long result, int also, int or)
{
	if (result < 0 && errno != also && errno != or)
		printf("%s %s\n", what, strerrorname_np(errno));
}

static atomic_int stop;
static int number, one, other;

static void *mover(void *unused)
{
	(void)unused;
	while (!stop) {
		dup2(one, number);
		dup2(other, number);
	}
	return NULL;
}

static void dup2Race(void)
{
	pthread_t thread;
	one = at("one");
	other = at("other");
	number = dup(one);
	pthread_create(&thread, NULL, mover, NULL);
	for (int n = 0; n < rounds; n++) {
		must("lease", fcntl(number, F_SETLEASE, 48), 0, 0);
		must("getlease", fcntl(number, F_GETLEASE), 0, 0);
		/* There may be none on the file that is there now. */
		must("release", fcntl(number, F_SETLEASE, F_UNLCK), EAGAIN, 0);
	}
	stop = 1;
	pthread_join(thread, NULL);
	/* The two descriptions have what leases are left, and can release them. */
	for (int n = 0; n < 2; n++) {
		int fd = n == 0 ? one : other;
		must("last lease", fcntl(fd, F_SETLEASE, 48), 0, 0);
		if (fcntl(fd, F_GETLEASE) != 48)
			printf("no lease\n");
		must("last release", fcntl(fd, F_SETLEASE, F_UNLCK), 0, 0);
		if (fcntl(fd, F_GETLEASE) != F_UNLCK)
			printf("a lease\n");
	}
}

/* A process that takes a shared, breakable lease on the file, and does not answer. */
static int holder(const char *name)
{
	int ready[2];
	char byte;
	if (pipe(ready) < 0)
		exit(3);
	int pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGIO, SIG_IGN);
		if (fcntl(at(name), F_SETLEASE, 16) < 0 || write(ready[1], "x", 1) != 1)
			_exit(3);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(3);
	close(ready[0]);
	return pid;
}

struct shared {
	atomic_int tid;
};
static struct shared *shared;

static _Noreturn void *waiter(void *unused)
{
	(void)unused;
	int fd = at("waited");
	shared->tid = gettid();
	fcntl(fd, F_SETLEASE, 48);
	for (;;)
		pause();
}

static _Noreturn void *worker(void *unused)
{
	(void)unused;
	int fd = at("worked");
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct io_uring_params params = { 0 };
	struct iovec part = { memory, 4096 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	shared->tid = gettid();
	for (;;) {
		fcntl(fd, F_SETLEASE, 48);
		syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1);
		syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
		fcntl(fd, F_SETLEASE, F_UNLCK);
	}
}

/* Kills the thread of a child, in its call or up to DELAY us after it began to work. */
static void killed(void *(*body)(void *), int delay)
{
	shared->tid = 0;
	int pid = fork();
	if (pid == 0) {
		pthread_t thread;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, body, NULL);
		for (;;)
			pause();
	}
	while (shared->tid == 0)
		sched_yield();
	if (delay)
		usleep(delay);
	else {
		char path[64], call[32] = "";
		snprintf(path, sizeof path, "/proc/%d/syscall", (int)shared->tid);
		while (atoi(call) != SYS_fcntl) {
			FILE *file = fopen(path, "r");
			if (file == NULL || fgets(call, sizeof call, file) == NULL)
				exit(4);
			fclose(file);
			sched_yield();
		}
	}
	syscall(SYS_tgkill, pid, (int)shared->tid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void killRace(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int n = 0; n < rounds; n++) {
		int pid = holder("waited");
		killed(waiter, 0);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* No lease stayed with the thread that is gone. */
		int fd = at("waited");
		must("after a wait", fcntl(fd, F_SETLEASE, 48), 0, 0);
		close(fd);
		killed(worker, 100 + n * 977 % 9000);
		fd = at("worked");
		must("after work", fcntl(fd, F_SETLEASE, 48), 0, 0);
		/* EAGAIN: the daemon could not look for what the kernel holds in time (N10). */
		long cut;
		do
			cut = ftruncate(fd, 0);
		while (cut < 0 && errno == EAGAIN);
		must("truncate", cut, 0, 0);
		close(fd);
	}
}

/* Lease, registration, a refused change and the end of both; by a process of any namespaces. */
static int behaves(const char *where)
{
	int fd = at("space");
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct io_uring_params params = { 0 };
	struct iovec part = { memory, 4096 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	long bare = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1);
	int why = errno;
	long lease = fcntl(fd, F_SETLEASE, 48);
	int kind = fcntl(fd, F_GETLEASE);
	long leased = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1);
	int how = leased < 0 ? errno : 0;
	long cut;
	do
		cut = ftruncate(fd, 0);
	while (cut < 0 && errno == EAGAIN);
	long unregistered = syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
	long released = fcntl(fd, F_SETLEASE, F_UNLCK);
	/* The pooled store's pages cannot be held: the kernel refuses, and there is no pin. */
	int isHeld = how == EFAULT ? cut == 0 : leased == 0 && cut < 0 && unregistered == 0;
	if (bare != -1 || why != EPERM || lease || kind != 48 || !isHeld || released)
		printf("%s: register %ld %s, lease %ld, getlease %d, register %s, truncate %ld, unregister %ld, "
		       "release %ld\n",
		       where, bare, strerrorname_np(why), lease, kind, strerrorname_np(how), cut, unregistered,
		       released);
	fflush(stdout);
	close(ring);
	close(fd);
	return 0;
}

static void inNamespaces(void)
{
	int up[2], down[2];
	char byte = 0;
	if (pipe(up) < 0 || pipe(down) < 0)
		exit(3);
	int made = fork();
	if (made == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) {
			printf("unshare %s\n", strerrorname_np(errno));
			exit(5);
		}
		int first = fork();
		if (first == 0) {
			behaves("made");
			if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) != 1)
				_exit(4);
			_exit(0);
		}
		waitpid(first, NULL, 0);
		_exit(0);
	}
	if (read(up[0], &byte, 1) != 1)
		exit(4);
	int entering = fork();
	if (entering == 0) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/ns/pid_for_children", made);
		int space = open(path, O_RDONLY);
		snprintf(path, sizeof path, "/proc/%d/ns/mnt", made);
		int mounts = open(path, O_RDONLY);
		if (setns(space, CLONE_NEWPID) < 0 || setns(mounts, CLONE_NEWNS) < 0) {
			printf("setns %s\n", strerrorname_np(errno));
			exit(5);
		}
		int second = fork();
		if (second == 0)
			_exit(behaves("entered"));
		waitpid(second, NULL, 0);
		_exit(0);
	}
	waitpid(entering, NULL, 0);
	if (write(down[1], &byte, 1) != 1)
		exit(4);
	waitpid(made, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	rounds = atoi(argv[2]);
	mnt = argv[3];
	if (strcmp(argv[1], "dup2") == 0)
		dup2Race();
	else if (strcmp(argv[1], "kill") == 0)
		killRace();
	else
		inNamespaces();
	printf("done\n");
	return 0;
}
