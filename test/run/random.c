/* random MNT: reads numbers from standard input, and for each lets a tree of processes do what it says by chance: threads,
 * forks, dup2, leases, registrations, changes of layout, signals, SIGKILL. An even number: only registrations that /proc
 * lists. Then, in lines:
 *
 *   finished PID...     all have done their work, and stand still; a line is awaited
 *   lease FILE KIND     what F_GETLEASE says of each open descriptor
 *   reported                a line is awaited
 *   over                all have ended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE     4096
#define PAGES    16
#define SIZE     (PAGES * PAGE)
#define FILES    3
#define SLOTS    6
#define RINGS    3
#define CHILDREN 4
#define GROUPS   3
#define STEPS    24
#define NO_MMAP  (1U << 14)
/* More than are ever open. */
#define DESCRIPTORS 256

/* Each file is mapped at one place in all processes, so that an address says what it is of. */
static char *const places[FILES] = { (char *)0x200000000000, (char *)0x200100000000, (char *)0x200200000000 };
static const int kinds[] = { 16, 17, 48, 48, 80, F_UNLCK, F_UNLCK };

static struct shared {
	atomic_int phase, finished[CHILDREN], reported[CHILDREN];
} * shared;
/* Of a child, its place; else -1. */
static int mine = -1;
static int onlyListed;

struct slot {
	int fd, file;
};

/* Of a process; its threads share it without a lock: they may use a number that is another's by now, as programs do. */
static struct slot slots[SLOTS];
static int rings[RINGS];
static int children[CHILDREN];
static int threads;
static char *plain;
static ino_t inodes[FILES];
/* Held to register. What changes what a registration that is stopped points to excludes them (README.md, 'Not stopped'). */
static pthread_rwlock_t pointed = PTHREAD_RWLOCK_INITIALIZER;
static dev_t device;

static int by(unsigned int *seed, int n)
{
	return rand_r(seed) % n;
}

static void onSignal(int signal)
{
	(void)signal;
}

static void openFile(struct slot *slot, int file, int flags)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/random-%d", getenv("RANDOM_MNT"), file);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd < 0) {
		printf("wrong open %s\n", strerrorname_np(errno));
		return;
	}
	slot->file = file;
	slot->fd = fd;
}

static void mapFile(int file)
{
	struct slot slot = { -1, file };
	openFile(&slot, file, 0);
	mmap(places[file], SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, slot.fd, 0);
	close(slot.fd);
}

static long reg(int ring, unsigned int opcode, void *arg, unsigned int count)
{
	return syscall(SYS_io_uring_register, ring, opcode, arg, count);
}

static int setup(unsigned int flags, void *ring, void *entries)
{
	struct io_uring_params params = { .flags = flags };
	memcpy((char *)&params + 112, &ring, sizeof ring);
	memcpy((char *)&params + 72, &entries, sizeof entries);
	return syscall(SYS_io_uring_setup, 4, &params);
}

static void registerSome(unsigned int *seed, int ring)
{
	int file = by(seed, FILES), first = by(seed, PAGES), pages = 1 + by(seed, PAGES - first);
	char *memory = places[file] + first * PAGE;
	struct iovec parts[2] = { { memory, pages * PAGE }, { plain, PAGE } };
	int kind = by(seed, onlyListed ? 6 : 8);
	/* A clone has what its source has at that moment, which another process may change. */
	if (kind == 5 && (mine >= 0 || children[0] || children[1] || children[2] || children[3]))
		return;
	(kind == 5 ? pthread_rwlock_wrlock : pthread_rwlock_rdlock)(&pointed);
	switch (kind) {
	case 0:
	case 1:
		reg(ring, IORING_REGISTER_BUFFERS, parts, 1 + by(seed, 2));
		break;
	case 2: {
		struct io_uring_rsrc_register request = { .nr = 2, .data = (uintptr_t)parts };
		reg(ring, IORING_REGISTER_BUFFERS2, &request, sizeof request);
		break;
	}
	case 3: {
		struct io_uring_rsrc_register request = { .nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE };
		reg(ring, IORING_REGISTER_BUFFERS2, &request, sizeof request);
		break;
	}
	case 4: {
		struct io_uring_rsrc_update2 request = { .offset = by(seed, 3), .data = (uintptr_t)parts, .nr = 1 };
		reg(ring, IORING_REGISTER_BUFFERS_UPDATE, &request, sizeof request);
		break;
	}
	case 6: {
		struct io_uring_buf_reg request = { .ring_addr = (uintptr_t)memory, .ring_entries = 256 };
		request.bgid = by(seed, GROUPS);
		reg(ring, 22 /* IORING_REGISTER_PBUF_RING */, &request, 1);
		break;
	}
	case 5: { /* IORING_REGISTER_CLONE_BUFFERS */
		uint32_t request[8] = { rings[by(seed, RINGS)] };
		reg(ring, 30, request, 1);
		break;
	}
	default: { /* IORING_REGISTER_MEM_REGION */
		uint64_t region[8] = { (uintptr_t)memory, pages * PAGE, 1 }, request[4] = { (uintptr_t)region };
		reg(ring, 34, request, 1);
	}
	}
	pthread_rwlock_unlock(&pointed);
}

static void work(unsigned int seed, int steps, int isFirst);

static void *threadBody(void *seed)
{
	work((uintptr_t)seed, STEPS / 2, 0);
	return NULL;
}

static _Noreturn void stand(void);

static void startChild(unsigned int seed, int index)
{
	shared->finished[index] = 0;
	int pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		memset(children, 0, sizeof children);
		pthread_rwlock_init(&pointed, NULL);
		mine = index;
		work(seed, STEPS / 2, 0);
		stand();
	}
	children[index] = pid;
}

static void step(unsigned int *seed, int isFirst, pthread_t *started)
{
	struct slot *slot = &slots[by(seed, SLOTS)];
	int *ring = &rings[by(seed, RINGS)];
	switch (by(seed, 20)) {
	case 0:
		if (slot->fd < 0)
			openFile(slot, by(seed, FILES), by(seed, 3) == 0 ? O_NONBLOCK : 0);
		break;
	case 1: {
		struct slot *to = &slots[by(seed, SLOTS)];
		if (slot->fd >= 0 && to->fd >= 0 && dup2(slot->fd, to->fd) >= 0)
			to->file = slot->file;
		break;
	}
	case 2:
		if (slot->fd >= 0)
			close(slot->fd);
		slot->fd = -1;
		break;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		fcntl(slot->fd, F_SETLEASE, kinds[by(seed, sizeof kinds / sizeof *kinds)]);
		break;
	case 8:
		if (*ring < 0)
			*ring = onlyListed || by(seed, 4) ? setup(0, NULL, NULL)
							  : setup(NO_MMAP, places[by(seed, FILES)], plain + PAGE);
		break;
	case 9:
	case 10:
	case 11:
	case 12:
		registerSome(seed, *ring);
		break;
	case 13:
		reg(*ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
		break;
	case 14: {
		struct io_uring_buf_reg request = { .bgid = by(seed, GROUPS) };
		reg(*ring, 23 /* IORING_UNREGISTER_PBUF_RING */, &request, 1);
		break;
	}
	case 15:
		if (*ring >= 0)
			close(*ring);
		*ring = -1;
		break;
	case 16:
		if (slot->fd >= 0 && ftruncate(slot->fd, by(seed, PAGES) * PAGE) == 0)
			ftruncate(slot->fd, SIZE);
		break;
	case 17: {
		int file = by(seed, FILES);
		pthread_rwlock_wrlock(&pointed);
		by(seed, 2) ? (void)munmap(places[file], SIZE) : mapFile(file);
		pthread_rwlock_unlock(&pointed);
		break;
	}
	case 18: {
		int index = by(seed, CHILDREN);
		if (!isFirst)
			break;
		if (children[index] == 0)
			startChild(rand_r(seed), index);
		else if (by(seed, 2)) {
			kill(children[index], SIGKILL);
			waitpid(children[index], NULL, 0);
			children[index] = 0;
		}
		break;
	}
	default:
		if (isFirst && threads < 2 &&
		    pthread_create(&started[threads], NULL, threadBody, (void *)(uintptr_t)rand_r(seed)) == 0)
			threads++;
	}
}

static void work(unsigned int seed, int steps, int isFirst)
{
	pthread_t started[2];
	for (int n = 0; n < steps; n++)
		step(&seed, isFirst, started);
	if (isFirst)
		for (int n = 0; n < threads; n++)
			pthread_join(started[n], NULL);
}

static void await(int phase)
{
	while (shared->phase < phase)
		nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void tell(void)
{
	struct stat status;
	for (int fd = 3; fd < DESCRIPTORS; fd++) {
		for (int file = 0; file < FILES; file++) {
			if (fstat(fd, &status) < 0 || status.st_ino != inodes[file] || status.st_dev != device)
				continue;
			int kind = fcntl(fd, F_GETLEASE);
			if (kind != F_UNLCK)
				dprintf(1, "lease %d %d\n", file, kind);
		}
	}
}

/* Of a child: until the end. */
static _Noreturn void stand(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	shared->finished[mine] = 1;
	await(1);
	tell();
	shared->reported[mine] = 1;
	await(2);
	_exit(0);
}

static void awaitChildren(atomic_int *flags)
{
	for (int n = 0; n < CHILDREN; n++)
		while (children[n] && !flags[n])
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static int readLine(char *line, int size)
{
	int n = 0;
	while (n < size - 1 && read(0, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	return n;
}

/* The first process of a tree. */
static void scenario(unsigned int seed)
{
	char line[64];
	onlyListed = seed % 2 == 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGIO, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = onSignal, .sa_flags = SA_RESTART }, NULL);
	plain = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int n = 0; n < SLOTS; n++) {
		slots[n].fd = -1;
		openFile(&slots[n], n % FILES, 0);
		if (n < FILES && ftruncate(slots[n].fd, SIZE) < 0)
			printf("wrong truncate %s\n", strerrorname_np(errno));
		struct stat status;
		if (n < FILES && fstat(slots[n].fd, &status) == 0) {
			inodes[n] = status.st_ino;
			device = status.st_dev;
		}
	}
	for (int n = 0; n < FILES; n++)
		mapFile(n);
	for (int n = 0; n < RINGS; n++)
		rings[n] = setup(0, NULL, NULL);
	if (by(&seed, 2)) {
		struct itimerval every = { { 0, 500 + by(&seed, 3000) }, { 0, 500 } };
		setitimer(ITIMER_REAL, &every, NULL);
	}
	work(seed, STEPS, 1);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	awaitChildren(shared->finished);
	printf("finished %d", getpid());
	for (int n = 0; n < CHILDREN; n++)
		if (children[n])
			printf(" %d", children[n]);
	printf("\n");
	fflush(stdout);
	readLine(line, sizeof line);
	shared->phase = 1;
	tell();
	awaitChildren(shared->reported);
	printf("reported\n");
	fflush(stdout);
	readLine(line, sizeof line);
	shared->phase = 2;
	for (int n = 0; n < CHILDREN; n++)
		if (children[n])
			waitpid(children[n], NULL, 0);
	_exit(0);
}

int main(int argc, char **argv)
{
	char line[64];
	if (argc != 2)
		return 2;
	setenv("RANDOM_MNT", argv[1], 1);
	while (readLine(line, sizeof line) > 0) {
		shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		int pid = fork();
		if (pid == 0)
			scenario(strtoul(line, NULL, 10));
		int status;
		waitpid(pid, &status, 0);
		if (status != 0)
			printf("wrong status %d\n", status);
		printf("over\n");
		fflush(stdout);
		munmap(shared, PAGE);
	}
	return 0;
}
