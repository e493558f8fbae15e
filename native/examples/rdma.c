/* SPDX-License-Identifier: MIT
 *
 * rdma - memory of a file registered with an RDMA device, a hole punched under it, and a real RDMA WRITE into the hole.
 *
 *	gcc -I native/include -o rdma native/examples/rdma.c -libverbs
 *	./rdma [--lease fcntl|ioctl] FILE
 *
 * The experiment of the proposal 'RDMA/FS DAX truncate', the same on every file system. A lease is taken as asked: by the
 * proposal's fcntl, or by leasefs' ioctl, with a pin. Prints one line a step, `step: what it answered`. Exit code 1 if
 * there is no RDMA device; what the steps answer is for the reader to judge.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leasefs.h"
#include "rdma-loopback.h"

#define LEN  (1 << 20)
#define PAGE 4096
#define FILL 0x11
#define DATA 0x5a

static void say(const char *step, int error)
{
	printf("%s: %s\n", step, error == 0 ? "ok" : strerrorname_np(error));
	fflush(stdout);
}

static void say_byte(const char *step, int byte)
{
	if (byte < 0)
		say(step, -byte);
	else
		printf("%s: 0x%02x\n", step, byte);
}

static int answer(long result)
{
	return result < 0 ? errno : 0;
}

static int make_file(const char *path)
{
	static char fill[LEN];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memset(fill, FILL, sizeof fill);
	if (fd < 0 || write(fd, fill, LEN) != LEN)
		err(1, "%s", path);
	return fd;
}

static void take_lease(int fd, const char *how)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = LEASEFS_EXCLUSIVE };

	if (strcmp(how, "ioctl") == 0)
		say("lease", answer(ioctl(fd, LEASEFS_IOC_SETLEASE, &lease)));
	else if (strcmp(how, "fcntl") == 0)
		say("lease", answer(fcntl(fd, F_SETLEASE, LEASEFS_F_LAYOUT | LEASEFS_F_EXCLUSIVE)));
}

/* By a process of its own, which knows nothing of ours. */
static int punch_by_another(const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		_exit(fd < 0 ? errno : answer(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE)));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		err(1, "fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int byte_of(int fd)
{
	unsigned char byte;

	return pread(fd, &byte, 1, 0) == 1 ? byte : -EIO;
}

int main(int argc, char **argv)
{
	const char *how = argc == 4 && strcmp(argv[1], "--lease") == 0 ? argv[2] : "none";
	const char *path = argv[argc - 1];
	struct leasefs_pin pin = { .version = LEASEFS_ABI, .len = LEN };
	struct rdma_loopback rdma;
	struct ibv_mr *mr;
	char *at;
	int fd, r;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: rdma [--lease fcntl|ioctl] FILE\n");
		return 2;
	}
	r = rdma_open(&rdma);
	if (r < 0)
		errx(1, "no RDMA device: %s", strerror(-r));
	fd = make_file(path);
	at = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err(1, "mmap");

	take_lease(fd, how);
	if (strcmp(how, "ioctl") == 0)
		say("pin", answer(ioctl(fd, LEASEFS_IOC_PIN, &pin)));
	mr = ibv_reg_mr(rdma.pd, at, LEN, RDMA_ACCESS);
	say("ibv_reg_mr", mr == NULL ? errno : 0);
	say("punch by another process", punch_by_another(path));
	if (mr != NULL) {
		say("RDMA WRITE", -rdma_write(&rdma, mr, at, PAGE, DATA));
		say_byte("the device sees", rdma_read_byte(&rdma, mr, at));
	}
	say_byte("the file holds", byte_of(fd));
	if (mr != NULL)
		say("ibv_dereg_mr", ibv_dereg_mr(mr));
	rdma_close(&rdma);
	unlink(path);
	return 0;
}
