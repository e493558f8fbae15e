/* waits longjmp|again|crowd N MNT: lease calls that wait for a break. Prints `CALL RESULT` lines.
 *
 * longjmp: a timer's handler leaves a waiting F_SETLEASE; then the number is another file's, and leased.
 * crowd N: N processes wait for a lease each; concurrently this one takes and releases another 100 times, and says how long the
 * slowest took in ms; then all are killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf out;
static const char *mnt;

static void alarmed(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static int at(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/waits-%s", mnt, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		exit(3);
	return fd;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void say(const char *call, long result)
{
	printf("%s %s\n", call, result < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

static int numbered(int n)
{
	char name[16];
	snprintf(name, sizeof name, "a%d", n);
	return at(name);
}

/* A child that has shared, breakable leases on `a`, and on N files of numbers, and does not answer. */
static int holder(int n)
{
	int ready[2];
	char byte;
	if (pipe(ready) < 0)
		exit(3);
	int pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGIO, SIG_IGN);
		if (fcntl(at("a"), F_SETLEASE, 16) < 0)
			_exit(3);
		for (int i = 0; i < n; i++)
			if (fcntl(numbered(i), F_SETLEASE, 16) < 0)
				_exit(3);
		if (write(ready[1], "x", 1) != 1)
			_exit(3);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(3);
	return pid;
}

/* Ends the holder when this process is in its next lease call. */
static void endOnceWaiting(int holder)
{
	char path[64], call[32] = "";
	snprintf(path, sizeof path, "/proc/%d/syscall", getpid());
	if (fork() > 0)
		return;
	while (atoi(call) != SYS_fcntl) {
		usleep(1000);
		FILE *file = fopen(path, "r");
		if (file == NULL || fgets(call, sizeof call, file) == NULL)
			_exit(4);
		fclose(file);
	}
	kill(holder, SIGKILL);
	_exit(0);
}

static void left(int again, int holder)
{
	int fd = at("a"), other = at("b");
	signal(SIGALRM, alarmed);
	if (sigsetjmp(out, 1) == 0) {
		struct itimerval timer = { .it_value = { 0, 300000 } };
		setitimer(ITIMER_REAL, &timer, NULL);
		say("a", fcntl(fd, F_SETLEASE, 48));
	}
	if (again) {
		/* The same call on the same description, which the holder's end makes way for. */
		endOnceWaiting(holder);
		say("a", fcntl(fd, F_SETLEASE, 48));
		printf("a %d\n", fcntl(fd, F_GETLEASE));
	}
	dup2(other, fd);
	say("b", fcntl(fd, F_SETLEASE, 48));
	printf("b %d\n", fcntl(fd, F_GETLEASE));
	say("release", fcntl(fd, F_SETLEASE, F_UNLCK));
	/* A number whose lease was released once is not released for ever. */
	dup2(at("c"), fd);
	say("release", fcntl(fd, F_SETLEASE, F_UNLCK));
}

static void crowd(int n)
{
	int mine = at("mine");
	int *pids = calloc(n, sizeof *pids);
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(fcntl(numbered(i), F_SETLEASE, 48) < 0 ? errno : 0);
		}
	}
	/* Until all are in the call, which none comes back from. */
	for (int i = 0; i < n; i++) {
		char path[64], call[32] = "";
		int status;
		snprintf(path, sizeof path, "/proc/%d/syscall", pids[i]);
		while (atoi(call) != SYS_fcntl) {
			usleep(1000);
			if (waitpid(pids[i], &status, WNOHANG) != 0) {
				printf("back with %s\n", strerrorname_np(WEXITSTATUS(status)));
				return;
			}
			FILE *file = fopen(path, "r");
			if (file == NULL || fgets(call, sizeof call, file) == NULL)
				exit(4);
			fclose(file);
		}
	}
	double worst = 0, begun = now();
	for (int i = 0; i < 100; i++) {
		double start = now();
		if (fcntl(mine, F_SETLEASE, 48) < 0 || fcntl(mine, F_SETLEASE, F_UNLCK) < 0)
			exit(5);
		if (now() - start > worst)
			worst = now() - start;
	}
	printf("mean %.2f worst %.2f\n", (now() - begun) / 100, worst);
	fflush(stdout);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	mnt = argv[3];
	int pid = holder(atoi(argv[2]));
	if (strcmp(argv[1], "crowd") == 0)
		crowd(atoi(argv[2]));
	else
		left(strcmp(argv[1], "again") == 0, pid);
	kill(pid, SIGKILL);
	return 0;
}
