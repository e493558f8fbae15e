/* orphan FILE - a child has the ring in which its parent, which has ended, registered the first two pages of FILE; this
 * process has one small page of a huge one registered, which its VmPin counts whole. Prints a line when all is there, and
 * lives until it is killed, the child with it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2 << 20)

static int registered(void *at, size_t length)
{
	struct io_uring_params params = { 0 };
	struct iovec part = { at, length };
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	return ring >= 0 && syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &part, 1) == 0;
}

int main(int argc, char **argv)
{
	int ends[2], fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
	if (fd < 0 || pipe(ends) < 0)
		return 1;
	int parent = fork();
	if (parent == 0) {
		char byte;
		void *file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (file == MAP_FAILED || !registered(file, 8192))
			return 1;
		int child = fork();
		if (child != 0)
			_exit(child < 0);
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	int status;
	if (waitpid(parent, &status, 0) != parent || status != 0)
		return 1;
	char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	memory += HUGE - (size_t)memory % HUGE;
	madvise(memory, HUGE, MADV_HUGEPAGE);
	*memory = 1;
	if (!registered(memory, 4096))
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
