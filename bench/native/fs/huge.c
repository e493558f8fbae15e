/* huge.c - what huge pages do to one large file, timed.
 *
 * usage: huge OPERATION DIR MIB ADVISE
 * Makes a file of so many MiB in DIR, maps it, with ADVISE 1 asks for huge pages, carries out OPERATION and removes the file. Prints
 * one number: ns a unit, or of `sparse` bytes; or "unsupported ERRNO". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../../native/include/leasefs.h"

#define PAGE  4096u
#define MIB   (1u << 20)
#define HUGE  (2u * MIB)
#define LOADS (1u << 22)
#define CUTS  100u

static int fd;
static char *map;
static size_t bytes;
static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns a page */
static double touch(void)
{
	double from = now();
	for (size_t at = 0; at < bytes; at += PAGE)
		((volatile char *)map)[at] = 1;
	return (now() - from) / (double)(bytes / PAGE);
}

/* ns a load */
static double loads(void)
{
	unsigned sum = 0;
	touch();
	double from = now();
	for (unsigned i = 0; i < LOADS; i++)
		sum += ((volatile unsigned char *)map)[next() % bytes];
	double took = now() - from;
	return sum == 0 ? -1 : took / LOADS;
}

/* ns a punch of one page, each in a huge page of its own. EAGAIN: other processes have pages pinned, and leasefs could not look in time */
static double punch(void)
{
	touch();
	double from = now();
	for (unsigned i = 0; i < CUTS; i++)
		while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)i * HUGE + MIB, PAGE) < 0)
			if (errno != EAGAIN)
				return -1;
	return (now() - from) / CUTS;
}

/* ns a truncate that cuts amid a huge page and frees 2 MiB */
static double truncates(void)
{
	touch();
	double from = now();
	for (unsigned i = 1; i <= CUTS; i++)
		if (ftruncate(fd, (off_t)(bytes - (size_t)i * HUGE + PAGE)) < 0)
			return -1;
	return (now() - from) / CUTS;
}

/* ns to register 64 MiB with io_uring: a pin of the kernel's */
static double registers(void)
{
	struct io_uring_params p = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (ring < 0)
		return -1;
	touch();
	double total = 0;
	for (unsigned i = 0; i < 10; i++) {
		struct iovec one = { map + (size_t)i * 64 * MIB % bytes, (size_t)64 * MIB };
		double from = now();
		if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &one, 1) < 0)
			return -1;
		total += now() - from;
		if (syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0) < 0)
			return -1;
	}
	close(ring);
	return total / 10;
}

/* ns for a lease's pin of 64 MiB that has its blocks */
static double pins(void)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = LEASEFS_EXCLUSIVE };
	if (ioctl(fd, LEASEFS_IOC_SETLEASE, &lease) < 0)
		return -1;
	touch();
	double from = now();
	for (unsigned i = 0; i < CUTS; i++) {
		struct leasefs_pin pin = { .version = LEASEFS_ABI, .len = (size_t)64 * MIB };
		if (ioctl(fd, LEASEFS_IOC_PIN, &pin) < 0)
			return -1;
		struct leasefs_unpin unpin = { .version = LEASEFS_ABI, .id = pin.id };
		if (ioctl(fd, LEASEFS_IOC_UNPIN, &unpin) < 0)
			return -1;
	}
	return (now() - from) / CUTS;
}

/* bytes that one store into a hole takes */
static double sparse(void)
{
	struct stat st;
	unsigned stores = 0;
	for (size_t at = 0; at < bytes; at += (size_t)8 * HUGE, stores++)
		((volatile char *)map)[at] = 1;
	return fstat(fd, &st) < 0 ? -1 : (double)st.st_blocks * 512 / stores;
}

/* ns a page, written by 1 MiB a call */
static double writes(void)
{
	char *data = malloc(MIB);
	if (!data)
		return -1;
	memset(data, 7, MIB);
	double from = now();
	for (size_t at = 0; at < bytes; at += MIB)
		if (pwrite(fd, data, MIB, (off_t)at) != MIB)
			return -1;
	double took = now() - from;
	free(data);
	return took / (double)(bytes / PAGE);
}

static const struct {
	const char *name;
	double (*run)(void);
} operations[] = {
	{ "touch", touch },        { "loads", loads },        { "write", writes }, { "punch", punch },
	{ "truncate", truncates }, { "register", registers }, { "pin", pins },     { "sparse", sparse },
};

int main(int argc, char **argv)
{
	char path[512];
	double figure = -1;
	if (argc != 5)
		return 2;
	bytes = (size_t)atoi(argv[3]) * MIB;
	snprintf(path, sizeof path, "%s/huge.%d", argv[2], getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || unlink(path) < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return 1;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 1;
	if (atoi(argv[4]) && madvise(map, bytes, MADV_HUGEPAGE) < 0)
		return 1;
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (!strcmp(operations[i].name, argv[1]))
			figure = operations[i].run();
	if (figure < 0)
		printf("unsupported %s\n", strerrorname_np(errno));
	else
		printf("%.2f\n", figure);
	return 0;
}
