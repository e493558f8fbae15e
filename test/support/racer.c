/*
 * racer.c - changes of a file that race with stores through a mapping of it: racer FILE HOW ROUNDS.
 *
 * punch, zero, truncate, open: three processes punch, zero, cut or open with O_TRUNC without end, at idle priority, so that
 * the kernel is long on its way back from each; we take a lease, pin the block, store, and look whether the store stays.
 * copy, write: they write the first half of the block, each its own eight bytes, by copy_file_range or pwrite, and look
 * whether those stay; we store into the second half, and look the same.
 * Prints how many stores and writes were lost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "leasefs.h"

enum { BLOCK = 4096, OTHERS = 3, LOOKS = 4 };

static const char *path, *how;
static atomic_long *lost_writes;

static int is(const char *what)
{
	return strcmp(how, what) == 0;
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(2);
}

/* One change of the kind; those that are refused are what the lease is for. */
static void change(int fd, int source, uint64_t me)
{
	static uint64_t value;
	uint64_t seen;
	off_t at = 0, lane = (off_t)me * 8;
	if (is("punch"))
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, BLOCK);
	else if (is("zero"))
		fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, BLOCK);
	else if (is("truncate") && ftruncate(fd, 0) < 0)
		return;
	else if (is("open"))
		close(open(path, O_RDWR | O_TRUNC | O_NONBLOCK));
	if (!is("copy") && !is("write"))
		return;
	value++;
	must(pwrite(is("copy") ? source : fd, &value, 8, is("copy") ? 0 : lane) == 8, "pwrite");
	if (is("copy"))
		must(copy_file_range(source, &at, fd, &lane, 8, 0) == 8, "copy_file_range");
	must(pread(fd, &seen, 8, (off_t)me * 8) == 8, "pread");
	if (seen != value)
		atomic_fetch_add(lost_writes, 1);
}

static void other(uint64_t me)
{
	char name[4096];
	struct sched_param idle = { 0 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof name, "%s.%d", path, (int)me);
	int fd = open(path, O_RDWR | O_NONBLOCK), source = open(name, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && source >= 0, "open");
	must(sched_setscheduler(0, SCHED_IDLE, &idle) == 0, "sched_setscheduler");
	for (;;)
		change(fd, source, me);
}

static int set_lease(int fd, unsigned kind)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = kind };
	return ioctl(fd, LEASEFS_IOC_SETLEASE, &lease);
}

/* Pins the block under a lease; 0 where it was cut off before. No call between the last change and the store has the inode's lock. */
static int pinned(int fd, uint64_t *id)
{
	struct leasefs_pin pin = { .version = LEASEFS_ABI, .len = BLOCK };
	must(is("punch") || is("zero") || ftruncate(fd, BLOCK) == 0, "ftruncate");
	must(set_lease(fd, LEASEFS_EXCLUSIVE) == 0, "lease");
	int done = ioctl(fd, LEASEFS_IOC_PIN, &pin) == 0;
	must(done || (errno == EFAULT && set_lease(fd, LEASEFS_UNLCK) == 0), "pin");
	*id = pin.id;
	return done;
}

/* Whether `value` was stored there and did not stay. */
static int loses(volatile uint64_t *at, uint64_t value)
{
	*at = value;
	for (int look = 0; look < LOOKS; look++) {
		usleep(300);
		if (*at != value)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	must(argc == 4, "racer FILE HOW ROUNDS");
	path = argv[1], how = argv[2];
	int fd = open(path, O_RDWR | O_CREAT, 0666), leases = !is("copy") && !is("write"), lost = 0;
	must(fd >= 0 && ftruncate(fd, BLOCK) == 0, "file");
	lost_writes = mmap(NULL, sizeof *lost_writes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile uint64_t *map = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(lost_writes != MAP_FAILED && map != MAP_FAILED, "mmap");
	pid_t pids[OTHERS];
	for (int i = 0; i < OTHERS; i++)
		if ((pids[i] = fork()) == 0)
			other(i);
	for (uint64_t round = 1; round <= strtoull(argv[3], NULL, 10); round++) {
		uint64_t id = 0;
		struct leasefs_unpin unpin = { .version = LEASEFS_ABI };
		while (leases && !pinned(fd, &id))
			;
		lost += loses(&map[BLOCK / 16 + 1], round);
		if (leases) {
			unpin.id = id;
			must(ioctl(fd, LEASEFS_IOC_UNPIN, &unpin) == 0, "unpin");
			must(set_lease(fd, LEASEFS_UNLCK) == 0, "unlock");
		}
		usleep(round % 700);
	}
	for (int i = 0; i < OTHERS; i++)
		kill(pids[i], SIGKILL);
	printf("stores lost: %d, writes lost: %ld\n", lost, atomic_load(lost_writes));
	return 0;
}
