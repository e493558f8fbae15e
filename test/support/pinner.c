/* pinner FILE - takes an exclusive layout lease, and registers and unregisters the memory of FILE until it is killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../proposal/lease.h"
#include "../proposal/memory.h"

#define EXCLUSIVE (16 | 32) /* F_LAYOUT | F_EXCLUSIVE */

int main(int argc, char **argv)
{
	struct memory m;
	struct stat st;
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;

	alarm(20);
	if (fd < 0 || fstat(fd, &st) < 0 || lease_set(fd, EXCLUSIVE) < 0)
		return 1;
	char *at = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || memory_open(&m) < 0)
		return 1;
	while (memory_register(&m, at, st.st_size) == 0 && memory_unregister(&m) == 0)
		;
	return 1;
}
