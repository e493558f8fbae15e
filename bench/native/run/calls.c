/* calls caller MNT: reads lines `CALL COUNT`, does the call as often, and prints ns a call, the median of batches of 16.
 * calls bare COMMAND [ARG...]: runs the command under the filter of `leasefs run` with a bare supervisor, which takes a copy
 * of the descriptor and asks what file it is, as ours must; it answers lease calls on files of LEASEFS_MNT itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"

#define BATCH     16
#define COUNT_MAX 65536

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ours, foreign, ring;
static struct iovec part;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Returns whether the call ended as it must. */
static int call(const char *name)
{
	if (!strcmp(name, "getppid"))
		return syscall(SYS_getppid) > 0;
	if (!strcmp(name, "foreign-setlease"))
		return fcntl(foreign, F_SETLEASE, F_UNLCK) < 0 && errno == EAGAIN;
	if (!strcmp(name, "foreign-getlease"))
		return fcntl(foreign, F_GETLEASE) == F_UNLCK;
	if (!strcmp(name, "getlease"))
		return fcntl(ours, F_GETLEASE) >= 0;
	if (!strcmp(name, "lease-unlock"))
		return fcntl(ours, F_SETLEASE, 48) == 0 && fcntl(ours, F_SETLEASE, F_UNLCK) == 0;
	if (!strcmp(name, "register-foreign"))
		return syscall(SYS_io_uring_register, ring, 0, &part, 1) == 0 &&
		       syscall(SYS_io_uring_register, ring, 1, NULL, 0) == 0;
	return 0;
}

static int smaller(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int caller(const char *mnt)
{
	static double batches[COUNT_MAX / BATCH];
	char path[4096], name[32];
	int count;
	struct io_uring_params params = { 0 };
	snprintf(path, sizeof path, "%s/bench", mnt);
	ours = open(path, O_RDWR | O_CREAT, 0600);
	foreign = memfd_create("foreign", 0);
	ring = syscall(SYS_io_uring_setup, 4, &params);
	part.iov_base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	part.iov_len = 4096;
	if (ours < 0 || foreign < 0 || ring < 0 || part.iov_base == MAP_FAILED)
		fail("caller");
	while (scanf("%31s %d", name, &count) == 2) {
		int n = count < COUNT_MAX ? count / BATCH : COUNT_MAX / BATCH;
		for (int batch = 0; batch < n; batch++) {
			double begun = now();
			for (int i = 0; i < BATCH; i++)
				if (!call(name))
					fail(name);
			batches[batch] = (now() - begun) / BATCH;
		}
		qsort(batches, n, sizeof *batches, smaller);
		printf("%.0f\n", batches[n / 2]);
		fflush(stdout);
	}
	return 0;
}

/* The command, which leaves its listener in `socket`. */
static void start(int socket, char **command)
{
	struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
	int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0 || write(socket, &listener, sizeof listener) < 0)
		fail("the filter");
	/* Until the supervisor has a copy of it. */
	if (read(socket, &listener, 1) != 1)
		fail("the supervisor");
	close(listener);
	execvp(command[0], command);
	fail(command[0]);
}

static int bare(char **command)
{
	int ends[2], number;
	struct stat mount, status;
	const char *mnt = getenv("LEASEFS_MNT");
	if (mnt == NULL || stat(mnt, &mount) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		fail("LEASEFS_MNT");
	int pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		start(ends[1], command);
	}
	close(ends[1]);
	if (read(ends[0], &number, sizeof number) != sizeof number)
		fail("the listener");
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int listener = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (listener < 0 || write(ends[0], "x", 1) != 1)
		fail("the listener");
	for (;;) {
		struct seccomp_notif asked = { 0 };
		struct seccomp_notif_resp answer = { 0 };
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		answer.id = asked.id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (asked.data.nr == SYS_fcntl) {
			int copy = syscall(SYS_pidfd_getfd, pidfd, (int)asked.data.args[0], 0);
			if (copy >= 0 && fstat(copy, &status) == 0 && status.st_dev == mount.st_dev)
				answer.flags = 0;
			close(copy);
		} else if (asked.data.nr == SYS_io_uring_register && asked.data.args[1] == IORING_REGISTER_BUFFERS) {
			struct iovec vector, local = { &vector, sizeof vector };
			struct iovec remote = { (void *)asked.data.args[2], sizeof vector };
			if (process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0)
				answer.error = -EFAULT;
		}
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 && errno != ENOENT)
			fail("the answer");
		/* ENOENT at the next call: the command has ended. */
	}
	int state;
	waitpid(pid, &state, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "caller"))
		return caller(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "bare"))
		return bare(argv + 2);
	fputs("usage: calls caller MNT | calls bare COMMAND [ARG...]\n", stderr);
	return 2;
}
