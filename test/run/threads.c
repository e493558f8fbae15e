/* threads leaderless|owntable MNT: calls of a thread whose process's first thread has ended, and of one that has
 * descriptors of its own. Prints `CALL RESULT` lines. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE (1 << 20)

static const char *mnt;
static int fd;
static char *memory;

static int at(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/threads-%s", mnt, name);
	return open(path, O_RDWR | O_CREAT, 0600);
}

static void say(const char *call, long result)
{
	printf("%s %s\n", call, result < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

/* Until the first thread is a zombie. */
static void awaitLeader(void)
{
	char line[512] = "";
	do {
		FILE *stat = fopen("/proc/self/stat", "r");
		if (stat == NULL || fgets(line, sizeof line, stat) == NULL)
			exit(3);
		fclose(stat);
		sched_yield();
	} while (strstr(line, ") Z ") == NULL);
}

static void *leaderless(void *unused)
{
	(void)unused;
	awaitLeader();
	struct io_uring_params params = { 0 };
	struct iovec part = { memory, 4096 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	say("register", syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1));
	say("lease", fcntl(fd, F_SETLEASE, 48));
	say("register", syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1));
	say("truncate", ftruncate(fd, 0));
	say("unregister", syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
	say("truncate", ftruncate(fd, 0));
	exit(fcntl(fd, F_GETLEASE));
}

static void *ownTable(void *unused)
{
	(void)unused;
	say("unshare", unshare(CLONE_FILES));
	close(fd);
	if (at("b") != fd)
		exit(3);
	say("lease", fcntl(fd, F_SETLEASE, 48));
	printf("thread %d\n", fcntl(fd, F_GETLEASE));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	if (argc != 3)
		return 2;
	mnt = argv[2];
	fd = at("a");
	if (fd < 0 || ftruncate(fd, SIZE) < 0)
		return 3;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return 4;
	if (strcmp(argv[1], "leaderless") == 0) {
		pthread_create(&thread, NULL, leaderless, NULL);
		pthread_exit(NULL);
	}
	pthread_create(&thread, NULL, ownTable, NULL);
	pthread_join(thread, NULL);
	printf("first %d\n", fcntl(fd, F_GETLEASE));
	return 0;
}
