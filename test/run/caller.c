/* caller FILE VERB...: plain system calls, no library of ours: opens and maps FILE, then does each verb and prints
 * `VERB ok|ERRNO`. What `leasefs run` is tested with, linked statically too. A verb is a word and numbers with ':'.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <leasefs.h>

#define SIZE    (1 << 20)
#define NO_MMAP (1U << 14) /* IORING_SETUP_NO_MMAP */

static int fd, ring = -1, copy = -1, xdp = -1, toChild = -1, fromChild = -1;
static char *memory;
static siginfo_t seen;

static void onSignal(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	seen = *info;
}

static volatile long storm;

static void onStorm(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info, (void)context;
	if (--storm <= 0)
		setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
}

static long setup(unsigned int flags, void *rings, void *entries)
{
	struct io_uring_params params = { .flags = flags };
	/* cq_off.user_addr, sq_off.user_addr: newer than the headers may be. */
	memcpy((char *)&params + 112, &rings, sizeof rings);
	memcpy((char *)&params + 72, &entries, sizeof entries);
	return syscall(SYS_io_uring_setup, 4, &params);
}

static unsigned int byIndex;
static int number;

static long reg(unsigned int opcode, void *arg, unsigned int count)
{
	return syscall(SYS_io_uring_register, byIndex ? number : ring, opcode | byIndex, arg, count);
}

#ifdef __x86_64__
static sigjmp_buf without;

static void onFault(int signal)
{
	siglongjmp(without, signal);
}

/* As a program of 32 bits would call; ENOEXEC where the machine has no such calls (some virtual ones). */
static long fcntl32(int number, int command, int argument)
{
	long result;
	sigaction(SIGSEGV, &(struct sigaction){ .sa_handler = onFault, .sa_flags = SA_RESETHAND }, NULL);
	if (sigsetjmp(without, 1) != 0) {
		errno = ENOEXEC;
		return -1;
	}
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(55), "b"(number), "c"(command), "d"(argument) : "memory");
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}
#endif

static long waitFor(int pid)
{
	int status;
	if (waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static long verb(const char *word, long a, long b)
{
	struct iovec part = { memory + a, b };
	if (!strcmp(word, "lease"))
		return fcntl(fd, F_SETLEASE, a);
	if (!strcmp(word, "storm")) { /* takes and releases while A signals come, every B us */
		struct sigaction action = { .sa_sigaction = onStorm, .sa_flags = SA_SIGINFO | SA_RESTART };
		struct itimerval every = { { 0, b }, { 0, b } };
		storm = a;
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &every, NULL);
		while (storm > 0) {
			if (fcntl(fd, F_SETLEASE, 48) < 0)
				return -1;
			if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0 && (errno != EAGAIN || fcntl(fd, F_GETLEASE) != F_UNLCK))
				return -1;
		}
		return 0;
	}
	if (!strcmp(word, "getlease"))
		return fcntl(fd, F_GETLEASE);
#ifdef __x86_64__
	if (!strcmp(word, "lease32"))
		return fcntl32(fd, F_SETLEASE, a);
#endif
	if (!strcmp(word, "setsig")) {
		struct sigaction action = { .sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_RESTART };
		sigaction(a, &action, NULL);
		return fcntl(fd, F_SETSIG, a);
	}
	if (!strcmp(word, "signalled")) { /* waits for the break's signal; its number and descriptor */
		for (int n = 0; n < 5000 && seen.si_signo == 0; n++)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		return seen.si_signo == a && seen.si_fd == fd ? 0 : (errno = ETIME, -1);
	}
	if (!strcmp(word, "ring"))
		return ring = setup(0, NULL, NULL);
	if (!strcmp(word, "single")) /* a ring of this thread's alone: IORING_SETUP_SINGLE_ISSUER */
		return ring = setup(1 << 12, NULL, NULL);
	if (!strcmp(word, "disabled")) /* IORING_SETUP_R_DISABLED */
		return ring = setup(1 << 6, NULL, NULL);
	if (!strcmp(word, "restrict")) /* IORING_REGISTER_RESTRICTIONS: no register call once it is enabled */
		return reg(11, memory, 0);
	if (!strcmp(word, "enable"))
		return reg(12 /* IORING_REGISTER_ENABLE_RINGS */, NULL, 0);
	if (!strcmp(word, "index")) { /* IORING_REGISTER_RING_FDS; register calls use the index */
		struct io_uring_rsrc_update request = { .offset = -1U, .data = ring };
		if (reg(20, &request, 1) != 1)
			return -1;
		number = request.offset;
		byIndex = 1U << 31;
		return 0;
	}
	if (!strcmp(word, "nommap")) /* a ring in memory of the file */
		return ring = setup(NO_MMAP, memory + a, memory + b);
	if (!strcmp(word, "closering"))
		return close(ring);
	if (!strcmp(word, "buffers"))
		return reg(IORING_REGISTER_BUFFERS, &part, 1);
	if (!strcmp(word, "filering")) /* the file itself where a ring should be */
		return syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &part, 1);
	if (!strcmp(word, "buffers2")) {
		struct io_uring_rsrc_register request = { .nr = 1, .data = (uintptr_t)&part };
		return reg(IORING_REGISTER_BUFFERS2, &request, sizeof request);
	}
	if (!strcmp(word, "sparse")) {
		struct io_uring_rsrc_register request = { .nr = 8, .flags = IORING_RSRC_REGISTER_SPARSE };
		return reg(IORING_REGISTER_BUFFERS2, &request, sizeof request);
	}
	if (!strcmp(word, "update")) {
		struct io_uring_rsrc_update2 request = { .offset = 3, .data = (uintptr_t)&part, .nr = 1 };
		return reg(IORING_REGISTER_BUFFERS_UPDATE, &request, sizeof request);
	}
	if (!strcmp(word, "unregister"))
		return reg(IORING_UNREGISTER_BUFFERS, NULL, 0);
	if (!strcmp(word, "pbuf")) {
		struct io_uring_buf_reg request = { .ring_addr = (uintptr_t)memory + a, .ring_entries = b };
		return reg(22 /* IORING_REGISTER_PBUF_RING */, &request, 1);
	}
	if (!strcmp(word, "unpbuf")) {
		struct io_uring_buf_reg request = { 0 };
		return reg(23 /* IORING_UNREGISTER_PBUF_RING */, &request, 1);
	}
	if (!strcmp(word, "clone")) { /* IORING_REGISTER_CLONE_BUFFERS, into a ring of its own */
		uint32_t request[8] = { ring };
		copy = setup(0, NULL, NULL);
		return syscall(SYS_io_uring_register, copy, 30, request, 1);
	}
	if (!strcmp(word, "closecopy"))
		return close(copy);
	if (!strcmp(word, "secret")) { /* arguments in memory that no other process may read */
		int secret = syscall(447 /* memfd_secret */, 0);
		if (secret < 0 || ftruncate(secret, 4096) < 0)
			return -1;
		struct iovec *hidden = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0);
		if (hidden == MAP_FAILED)
			return -1;
		*hidden = part;
		return reg(IORING_REGISTER_BUFFERS, hidden, 1);
	}
	if (!strcmp(word, "nodump"))
		return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (!strcmp(word, "xdp"))
		return xdp = socket(AF_XDP, SOCK_RAW, 0);
	if (!strcmp(word, "region")) { /* IORING_REGISTER_MEM_REGION, memory of the caller */
		uint64_t region[8] = { (uintptr_t)memory + a, b, 1 }, request[4] = { (uintptr_t)region };
		return reg(34, request, 1);
	}
	if (!strcmp(word, "resizable")) { /* a ring in memory of no file, which may be resized */
		char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		return ring = setup(NO_MMAP | 1 << 12 | 1 << 13, own, own + 4096);
	}
	if (!strcmp(word, "resize") || !strcmp(word, "grow")) { /* IORING_REGISTER_RESIZE_RINGS */
		struct io_uring_params params = { .sq_entries = *word == 'g' ? 32 : 16 };
		void *rings = memory + a, *entries = memory + b;
		memcpy((char *)&params + 112, &rings, sizeof rings);
		memcpy((char *)&params + 72, &entries, sizeof entries);
		return reg(33, &params, 1);
	}
	if (!strcmp(word, "newer")) /* an opcode that no header has yet */
		return reg(200, NULL, 0);
	if (!strcmp(word, "umem")) {
		struct {
			uint64_t addr, len;
			uint32_t chunk, headroom, flags, tx;
		} request = { (uintptr_t)memory + a, b, 4096, 0, 0, 0 };
		if (xdp < 0 && (xdp = socket(AF_XDP, SOCK_RAW, 0)) < 0)
			return -1;
		return setsockopt(xdp, 283, 4, &request, 24);
	}
	if (!strcmp(word, "closexdp"))
		return close(xdp);
	if (!strcmp(word, "plain")) { /* memory that is no file's */
		void *anonymous = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		part.iov_base = anonymous;
		return reg(IORING_REGISTER_BUFFERS, &part, 1);
	}
	if (!strcmp(word, "bad"))
		return reg(IORING_REGISTER_BUFFERS, (void *)8, 1);
	if (!strcmp(word, "truncate"))
		return ftruncate(fd, a);
	if (!strcmp(word, "punch"))
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, a, b);
	if (!strcmp(word, "ownpin")) { /* LEASEFS_IOC_PIN, owned by the process */
		struct leasefs_pin request = { .version = LEASEFS_ABI, .off = a, .len = b };
		return ioctl(fd, LEASEFS_IOC_PIN, &request);
	}
	if (!strcmp(word, "zombies")) { /* A files leased, pinned and closed, one after the other and at once */
		struct leasefs_pin request = { .version = LEASEFS_ABI, .len = 4096 };
		char path[4096];
		for (long n = 0; n < a; n++) {
			snprintf(path, sizeof path, "%s.%ld", getenv("FILE"), n);
			int one = open(path, O_RDWR | O_CREAT, 0600);
			if (one < 0 || ftruncate(one, SIZE) < 0 || fcntl(one, F_SETLEASE, 48) < 0 ||
			    ioctl(one, LEASEFS_IOC_PIN, &request) < 0 || close(one) < 0)
				return -1;
		}
		return 0;
	}
	if (!strcmp(word, "cloexec"))
		return fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (!strcmp(word, "keepring")) /* over exec */
		return fcntl(ring, F_SETFD, 0);
	if (!strcmp(word, "exec")) /* a program that lives until a lease is a zombie, or with 1 ends at once */
		return execl("/bin/sh", "sh", "-c",
			     a ? "true" : "until grep -q zombie $LEASEFS_MNT/.leasefs/leases; do :; done",
			     (char *)NULL);
	if (!strcmp(word, "close"))
		return close(fd);
	if (!strcmp(word, "reopen"))
		return (fd = open((char *)a, O_RDWR)) < 0 ? -1 : 0;
	if (!strcmp(word, "protect"))
		return mprotect(memory + a, b, PROT_READ);
	if (!strcmp(word, "unmap"))
		return munmap(memory, SIZE);
	if (!strcmp(word, "exit"))
		exit(a);
	if (!strcmp(word, "kill"))
		return kill(getpid(), a);
	errno = ENOSYS;
	return -1;
}

static int run(char **words)
{
	for (; *words; words++) {
		char word[64];
		long a = 0, b = 0;
		/* The words up to 'join' are the child's, whose lines 'await' waits for, and which ends at 'go'. */
		if (!strcmp(*words, "fork")) {
			int pipes[2], done[2];
			if (pipe(pipes) < 0 || pipe(done) < 0)
				return 1;
			fflush(stdout);
			int pid = fork();
			char **join = words;
			while (*join && strcmp(*join, "join"))
				join++;
			if (pid == 0) {
				close(pipes[1]);
				close(done[0]);
				*join = NULL;
				int code = run(words + 1);
				close(done[1]);
				char byte;
				exit(read(pipes[0], &byte, 1) < 0 ? 1 : code);
			}
			close(pipes[0]);
			close(done[1]);
			toChild = pipes[1];
			fromChild = done[0];
			words = join;
			static char number[16];
			snprintf(number, sizeof number, "%d", pid);
			setenv("CHILD", number, 1);
			continue;
		}
		if (!strcmp(*words, "await")) {
			char byte;
			if (read(fromChild, &byte, 1) != 0)
				return 1;
			continue;
		}
		if (!strcmp(*words, "go")) {
			close(toChild);
			waitFor(atoi(getenv("CHILD")));
			continue;
		}
		if (sscanf(*words, "%63[a-z0-9]:%ld:%ld", word, &a, &b) < 1)
			return 2;
		if (!strcmp(word, "reopen"))
			a = (long)getenv("FILE");
		long result = verb(word, a, b);
		printf("%s %s\n", *words,
		       result < 0                  ? strerrorname_np(errno)
		       : !strcmp(word, "getlease") ? (char[]){ '0' + result / 10, '0' + result % 10, 0 }
						   : "ok");
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	setenv("FILE", argv[1], 1);
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, SIZE) < 0)
		return 3;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return 4;
	return run(argv + 2);
}
