/* operations.h - the operations of the client, and what prepares a call of each and clears up after it. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../native/include/leasefs-socket.h"

#define SAMPLES   (1u << 20)
#define MIB       (1u << 20)
#define FILE_SIZE (8u * MIB)
#define PAGE      4096u
#define ENTRIES   10000
#define STORES    1024
#define READ_ONLY (O_RDONLY | O_CLOEXEC)

struct job {
	const char *directory;
	char file[256], name[320], other[320];
	int fd;
	int lease; /* for leasefs_ioctl: fd, or where that carries no ioctl a connection */
	uint32_t turn;
	char *data, *map;
	struct leasefs_pin pin;
	uint32_t *samples;
	size_t count;
	int error;
};

struct operation {
	const char *name;
	int flags;                   /* of open(2) for the file, if it is to be opened anew */
	int (*begin)(struct job *);  /* once; may be NULL */
	int (*before)(struct job *); /* not timed; may be NULL */
	int (*call)(struct job *);   /* all answer -1 and errno */
	int (*after)(struct job *);  /* not timed; may be NULL */
	int times;                   /* what a call does so often; its time is divided */
};

static off_t at(struct job *j, size_t size)
{
	return (off_t)(j->turn++ % (FILE_SIZE / size) * size);
}

static int whole(ssize_t n, size_t size)
{
	return n == (ssize_t)size ? 0 : -1;
}

static int op_fstat(struct job *j)
{
	struct stat st;
	return fstat(j->fd, &st);
}

/* The kernel asks the server even when it has the attributes cached. */
static int op_fstat_asked(struct job *j)
{
	struct statx st;
	return statx(j->fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st);
}

static int op_stat_asked(struct job *j)
{
	struct statx st;
	return statx(AT_FDCWD, j->file, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st);
}

static int op_stat(struct job *j)
{
	struct stat st;
	return stat(j->file, &st);
}

static int op_miss(struct job *j)
{
	struct stat st;
	return stat(j->name, &st) < 0 && errno == ENOENT ? 0 : -1;
}

/* A name that is looked up for the first time. */
static int new_name(struct job *j)
{
	return snprintf(j->name, sizeof j->name, "%s.%u", j->file, j->turn++);
}

static int remove_name(struct job *j)
{
	return unlink(j->name);
}

static int op_open(struct job *j)
{
	int fd = open(j->file, O_RDONLY);
	return fd < 0 ? -1 : close(fd);
}

static int op_open_rdwr(struct job *j)
{
	int fd = open(j->file, O_RDWR);
	return fd < 0 ? -1 : close(fd);
}

static int op_create(struct job *j)
{
	int fd = open(j->name, O_RDWR | O_CREAT | O_EXCL, 0644);
	return fd < 0 ? -1 : close(fd);
}

static int op_create_write(struct job *j)
{
	int fd = open(j->name, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	int wrong = whole(write(fd, j->data, PAGE), PAGE);
	return close(fd) < 0 ? -1 : wrong;
}

static int make_name(struct job *j)
{
	new_name(j);
	return op_create(j);
}

static int op_rename(struct job *j)
{
	char old[sizeof j->name];
	memcpy(old, j->name, sizeof old);
	if (rename(j->name, j->other) < 0)
		return -1;
	memcpy(j->name, j->other, sizeof old);
	memcpy(j->other, old, sizeof old);
	return 0;
}

static int begin_rename(struct job *j)
{
	snprintf(j->other, sizeof j->other, "%s.other", j->file);
	return make_name(j);
}

static int begin_readdir(struct job *j)
{
	snprintf(j->other, sizeof j->other, "%s.d", j->file);
	if (mkdir(j->other, 0755) < 0)
		return -1;
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(j->name, sizeof j->name, "%s.d/entry-%d", j->file, i);
		if (op_create(j) < 0)
			return -1;
	}
	return 0;
}

static int op_readdir(struct job *j)
{
	DIR *d = opendir(j->other);
	int seen = 0;
	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		seen += e->d_name[0] != '.';
	closedir(d);
	return seen == ENTRIES ? 0 : -1;
}

static int op_pread(struct job *j)
{
	return whole(pread(j->fd, j->data, PAGE, at(j, PAGE)), PAGE);
}

static int op_pwrite(struct job *j)
{
	return whole(pwrite(j->fd, j->data, PAGE, at(j, PAGE)), PAGE);
}

static int op_read(struct job *j)
{
	return whole(pread(j->fd, j->data, MIB, at(j, MIB)), MIB);
}

static int op_write(struct job *j)
{
	return whole(pwrite(j->fd, j->data, MIB, at(j, MIB)), MIB);
}

static int map_file(struct job *j)
{
	j->map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
	return j->map == MAP_FAILED ? -1 : 0;
}

static int op_fault(struct job *j)
{
	((volatile char *)j->map)[at(j, MIB)] = 1;
	return 0;
}

static int unmap_file(struct job *j)
{
	return munmap(j->map, FILE_SIZE);
}

static int begin_store(struct job *j)
{
	if (map_file(j) < 0)
		return -1;
	memset(j->map, 1, FILE_SIZE);
	return 0;
}

static int op_store(struct job *j)
{
	for (int i = 0; i < STORES; i++)
		((volatile char *)j->map)[at(j, PAGE)] = 1;
	return 0;
}

static int set_lease(struct job *j, __u32 kind)
{
	struct leasefs_lease l = { .version = LEASEFS_ABI, .kind = kind };
	return leasefs_ioctl(j->lease, LEASEFS_IOC_SETLEASE, &l);
}

static int op_lease(struct job *j)
{
	return set_lease(j, LEASEFS_EXCLUSIVE);
}

static int unlease(struct job *j)
{
	return set_lease(j, LEASEFS_UNLCK);
}

static int begin_lease(struct job *j)
{
	j->lease = j->fd;
	if (op_lease(j) == 0)
		return unlease(j);
	if (errno == ENOTTY)
		j->lease = leasefs_connect(j->fd, 0);
	return j->lease < 0 ? -1 : 0;
}

static int begin_pin(struct job *j)
{
	return begin_lease(j) < 0 ? -1 : op_lease(j);
}

static int op_pin(struct job *j)
{
	j->pin = (struct leasefs_pin){ .version = LEASEFS_ABI, .off = 0, .len = PAGE };
	return leasefs_ioctl(j->lease, LEASEFS_IOC_PIN, &j->pin);
}

static int unpin(struct job *j)
{
	struct leasefs_unpin u = { .version = LEASEFS_ABI, .id = j->pin.id };
	return leasefs_ioctl(j->lease, LEASEFS_IOC_UNPIN, &u);
}

static int op_punch(struct job *j)
{
	return fallocate(j->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(j->turn % (FILE_SIZE / PAGE)) * PAGE, PAGE);
}

/* There is something to punch again. */
static int fill_hole(struct job *j)
{
	return whole(pwrite(j->fd, j->data, PAGE, (off_t)(j->turn++ % (FILE_SIZE / PAGE)) * PAGE), PAGE);
}

static int op_truncate(struct job *j)
{
	return ftruncate(j->fd, (off_t)(FILE_SIZE - PAGE * (j->turn++ & 1)));
}

static const struct operation operations[] = {
	{ "fstat", READ_ONLY, NULL, NULL, op_fstat, NULL, 1 },
	{ "fstat-asked", READ_ONLY, NULL, NULL, op_fstat_asked, NULL, 1 },
	{ "stat", READ_ONLY, NULL, NULL, op_stat, NULL, 1 },
	{ "stat-asked", READ_ONLY, NULL, NULL, op_stat_asked, NULL, 1 },
	{ "stat-miss", 0, NULL, new_name, op_miss, NULL, 1 },
	{ "open-close", READ_ONLY, NULL, NULL, op_open, NULL, 1 },
	{ "open-rdwr", READ_ONLY, NULL, NULL, op_open_rdwr, NULL, 1 },
	{ "create", 0, NULL, new_name, op_create, remove_name, 1 },
	{ "create-write", 0, NULL, new_name, op_create_write, remove_name, 1 },
	{ "unlink", 0, NULL, make_name, remove_name, NULL, 1 },
	{ "rename", 0, begin_rename, NULL, op_rename, NULL, 1 },
	{ "readdir", 0, begin_readdir, NULL, op_readdir, NULL, 1 },
	{ "pread", 0, NULL, NULL, op_pread, NULL, 1 },
	{ "pread-direct", O_RDWR | O_DIRECT, NULL, NULL, op_pread, NULL, 1 },
	{ "pwrite", 0, NULL, NULL, op_pwrite, NULL, 1 },
	{ "read-1m", 0, NULL, NULL, op_read, NULL, 1 },
	{ "read-1m-direct", O_RDWR | O_DIRECT, NULL, NULL, op_read, NULL, 1 },
	{ "write-1m", 0, NULL, NULL, op_write, NULL, 1 },
	{ "mmap-fault", 0, NULL, map_file, op_fault, unmap_file, 1 },
	{ "mmap-store", 0, begin_store, NULL, op_store, NULL, STORES },
	{ "lease", 0, begin_lease, NULL, op_lease, unlease, 1 },
	{ "pin", 0, begin_pin, NULL, op_pin, unpin, 1 },
	{ "punch", 0, NULL, fill_hole, op_punch, NULL, 1 },
	{ "truncate", 0, NULL, NULL, op_truncate, NULL, 1 },
};

#endif
