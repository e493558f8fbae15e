/* SPDX-License-Identifier: MIT
 *
 * short-pin - memory of a file that a direct read is about to fill, and a truncate of the file during the read.
 *
 *	gcc -o short-pin short-pin.c && ./short-pin FILE SLOW_DEVICE
 *
 * An O_DIRECT read of the device into a mapping of the file pins the page until the device answers: not for long, so no
 * lease is asked. Prints what another process' truncate answers, and whether it was kept waiting for that.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define LEN  (1 << 20)
#ifndef LIMIT_SECONDS
#define LIMIT_SECONDS 60
#endif

static int make_file(const char *path)
{
	static char fill[LEN];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memset(fill, 0x11, sizeof fill);
	if (fd < 0 || write(fd, fill, LEN) != LEN)
		err(1, "%s", path);
	return fd;
}

static pid_t start(void)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		alarm(LIMIT_SECONDS);
	return pid;
}

static int read_into(char *at, int device)
{
	/* Nothing but the device is waited for in the read. */
	at[0] = 0x11;
	return pread(device, at, PAGE, 0) == PAGE ? 0 : errno;
}

/* Whether the process sleeps in pread(2) as nothing can wake it: the device has the page. */
static int is_reading(pid_t pid)
{
	char name[64], state = 0;
	long call = -1;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	FILE *f = fopen(name, "re");
	if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		errx(1, "%s cannot be read", name);
	fclose(f);
	snprintf(name, sizeof name, "/proc/%d/syscall", pid);
	f = fopen(name, "re");
	if (f == NULL)
		err(1, "%s", name);
	/* None of a process that has ended. */
	if (fscanf(f, "%ld", &call) != 1)
		call = -1;
	fclose(f);
	return state == 'D' && call == SYS_pread64;
}

static const char *name_of(int status)
{
	if (!WIFEXITED(status))
		return "killed";
	return WEXITSTATUS(status) == 0 ? "ok" : strerrorname_np(WEXITSTATUS(status));
}

/* A process that is in the read; one that was through before we looked is followed by another. */
static pid_t start_reader(char *at, int device)
{
	for (;;) {
		int status;
		pid_t pid = start(), ended;

		if (pid == 0)
			_exit(read_into(at, device));
		while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && !is_reading(pid))
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		if (ended == 0)
			return pid;
		if (status != 0)
			errx(1, "read: %s", name_of(status));
	}
}

int main(int argc, char **argv)
{
	int status, changed = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: short-pin FILE SLOW_DEVICE\n");
		return 2;
	}
	int fd = make_file(argv[1]);
	int device = open(argv[2], O_RDONLY | O_DIRECT | O_CLOEXEC);
	char *at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (device < 0 || at == MAP_FAILED)
		err(1, "%s", argv[2]);
	alarm(LIMIT_SECONDS);

	pid_t reader = start_reader(at, device);
	pid_t changer = start();
	if (changer == 0)
		_exit(truncate(argv[1], 0) < 0 ? errno : 0);
	if (waitpid(changer, &changed, 0) < 0)
		err(1, "waitpid");
	/* The end of the read wakes both: which of the two ends first says nothing. */
	int at_once = is_reading(reader);
	if (waitpid(reader, &status, 0) < 0)
		err(1, "waitpid");
	if (status != 0)
		errx(1, "read: %s", name_of(status));
	printf("truncate: %s\n", name_of(changed));
	printf("returned: %s\n", at_once ? "at once" : "after the read");
	unlink(argv[1]);
	return 0;
}
