/* registered.c - liburing's registered buffers over a mapping of a file.
 *
 *	registered [-l] FILE SOURCE
 *
 * Reads the first 64 KiB of SOURCE, in pieces and by fixed buffers, into FILE, which is mapped and of 64 KiB at least.
 * -l: takes the proposal's exclusive layout lease on FILE first, and releases it. Exit 1 with one line on an error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECES           16
#define PIECE            4096
#define EXCLUSIVE_LAYOUT (16 | 32) /* F_LAYOUT | F_EXCLUSIVE */

static int complain(const char *what, int error)
{
	fprintf(stderr, "registered: %s: %s\n", what, strerror(error));
	return 1;
}

int main(int argc, char **argv)
{
	struct io_uring ring;
	struct iovec iov[PIECES];
	int lease = argc == 4 && strcmp(argv[1], "-l") == 0;
	int r;

	if (argc != 3 + lease) {
		fprintf(stderr, "usage: registered [-l] FILE SOURCE\n");
		return 2;
	}
	int fd = open(argv[1 + lease], O_RDWR), source = open(argv[2 + lease], O_RDONLY);
	if (fd < 0 || source < 0)
		return complain("open", errno);
	char *at = mmap(NULL, PIECES * PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return complain("mmap", errno);
	if (lease && fcntl(fd, F_SETLEASE, EXCLUSIVE_LAYOUT) < 0)
		return complain("F_SETLEASE", errno);
	if ((r = io_uring_queue_init(PIECES, &ring, 0)) < 0)
		return complain("io_uring_queue_init", -r);
	for (int i = 0; i < PIECES; i++)
		iov[i] = (struct iovec){ at + i * PIECE, PIECE };
	if ((r = io_uring_register_buffers(&ring, iov, PIECES)) < 0)
		return complain("io_uring_register_buffers", -r);
	for (int i = 0; i < PIECES; i++)
		io_uring_prep_read_fixed(io_uring_get_sqe(&ring), source, iov[i].iov_base, PIECE, i * PIECE, i);
	if ((r = io_uring_submit_and_wait(&ring, PIECES)) != PIECES)
		return complain("io_uring_submit_and_wait", r < 0 ? -r : EIO);
	for (int i = 0; i < PIECES; i++) {
		struct io_uring_cqe *cqe;
		if ((r = io_uring_wait_cqe(&ring, &cqe)) < 0)
			return complain("io_uring_wait_cqe", -r);
		if (cqe->res != PIECE)
			return complain("read", cqe->res < 0 ? -cqe->res : EIO);
		io_uring_cqe_seen(&ring, cqe);
	}
	if (lease && fcntl(fd, F_SETLEASE, F_UNLCK) == 0)
		return complain("F_UNLCK with registered buffers", 0);
	if ((r = io_uring_unregister_buffers(&ring)) < 0)
		return complain("io_uring_unregister_buffers", -r);
	if (lease && fcntl(fd, F_SETLEASE, F_UNLCK) < 0)
		return complain("F_UNLCK", errno);
	io_uring_queue_exit(&ring);
	return 0;
}
