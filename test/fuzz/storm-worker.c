/* storm.c: one of its processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "leasefs.h"
#include "storm.h"

/* Of this worker. */
static struct {
	uint64_t id;
	char *at;
	int lo, hi, file;
} mine[PINS];
static int me = -1, fds[FILES], uncached[FILES];
static unsigned state;

void seed_pick(unsigned seed)
{
	state = (seed * 2654435761u + 17) | 1;
}

unsigned pick(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

void violation(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	__atomic_add_fetch(&shared->violations, 1, __ATOMIC_SEQ_CST);
	printf("violation, worker %d (%d): %s\n", me, getpid(), text);
	fflush(stdout);
}

static void count(int op, long result)
{
	shared->workers[me].doing = op;
	__atomic_add_fetch(result < 0 ? &shared->refused[op] : &shared->done[op], 1, __ATOMIC_RELAXED);
}

static off_t lane(int worker, int pin)
{
	return (worker * PINS + pin) * 8;
}

static void hold(int worker, int file, int kind)
{
	volatile uint64_t *held = &shared->workers[worker].held[file];

	*held = (*held / CHANGE + 1) * CHANGE + kind;
}

static void forget(struct slot *slot)
{
	slot->value = (slot->value + 1) & ~1ull;
	__sync_synchronize();
}

void forget_all(int worker)
{
	for (int i = 0; i < PINS; i++)
		forget(&shared->workers[worker].pins[i]);
	for (int f = 0; f < nfiles; f++)
		hold(worker, f, NOTHING);
}

/* A violation if the pin stood all the time and a block of it has another value. */
static void verify(int worker, int i, bool past_cache)
{
	static char page[BLOCKS * BLOCK] __attribute__((aligned(BLOCK)));
	struct slot *slot = &shared->workers[worker].pins[i];
	uint64_t value = __atomic_load_n(&slot->value, __ATOMIC_SEQ_CST), seen = 0;
	int file = slot->file, lo = slot->lo, hi = slot->hi, bad = -1;
	ssize_t n;

	if (!(value & 1) || file < 0 || file >= nfiles || lo >= hi || hi > BLOCKS)
		return;
	n = pread(past_cache ? uncached[file] : fds[file], page, (hi - lo) * BLOCK, (off_t)lo * BLOCK);
	for (int b = lo; b < hi && bad < 0; b++) {
		off_t at = (b - lo) * BLOCK + lane(worker, i);

		memcpy(&seen, page + at, sizeof seen);
		if (n < at + (off_t)sizeof seen || seen != value)
			bad = b;
	}
	if (shared->workers[worker].doomed || __atomic_load_n(&slot->value, __ATOMIC_SEQ_CST) != value)
		return;
	__atomic_add_fetch(&shared->checks, 1, __ATOMIC_RELAXED);
	if (bad >= 0)
		violation("file %d, pin [%d, %d) of worker %d: block %d has %#lx for %#lx (read %zd%s)", file, lo, hi,
			  worker, bad, (long)seen, (long)value, n, past_cache ? ", O_DIRECT" : "");
}

static void open_file(int f)
{
	if (fds[f] > 0)
		close(fds[f]);
	fds[f] = open(paths[f], O_RDWR | O_CREAT | O_CLOEXEC | (pick(4) ? O_NONBLOCK : 0), 0666);
	if (uncached[f] <= 0)
		uncached[f] = open(paths[f], O_RDONLY | O_DIRECT | O_CLOEXEC);
}

static void take_lease(int f)
{
	static const unsigned kinds[] = { LEASEFS_SHARED_BREAKABLE, LEASEFS_EXCLUSIVE_BREAKABLE, LEASEFS_SHARED,
					  LEASEFS_SHARED, LEASEFS_EXCLUSIVE };
	struct leasefs_lease lease = { .version = LEASEFS_ABI,
				       .kind = kinds[pick(5)],
				       .flags = pick(4) ? LEASEFS_NONBLOCK : 0 };
	int kind = lease.kind == LEASEFS_SHARED ? SHARED : lease.kind == LEASEFS_EXCLUSIVE ? EXCLUSIVE : NOTHING;
	uint64_t was = shared->workers[me].held[f], before[WORKERS];
	long result;

	if (kind < (int)(was & KIND))
		hold(me, f, NOTHING);
	for (int w = 0; w < crew; w++)
		before[w] = shared->workers[w].held[f];
	result = ioctl(fds[f], LEASEFS_IOC_SETLEASE, &lease);
	count(LEASE, result);
	if (result < 0) {
		/* It keeps what it had. */
		if (kind < (int)(was & KIND) && errno == EBUSY)
			hold(me, f, was & KIND);
		return;
	}
	for (int w = 0; kind != NOTHING && w < crew; w++) {
		int other = before[w] & KIND;

		if (w != me && other != NOTHING && (kind == EXCLUSIVE || other == EXCLUSIVE) &&
		    !shared->workers[w].doomed && shared->workers[w].held[f] == before[w])
			violation("file %d: a lease of kind %u beside worker %d's unbreakable one", f, lease.kind, w);
	}
	hold(me, f, kind);
}

static void release(int f)
{
	struct leasefs_lease lease = { .version = LEASEFS_ABI, .kind = LEASEFS_UNLCK };
	uint64_t was = shared->workers[me].held[f];
	long result;

	hold(me, f, NOTHING);
	result = ioctl(fds[f], LEASEFS_IOC_SETLEASE, &lease);
	count(RELEASE, result);
	if (result < 0 && errno == EBUSY)
		hold(me, f, was & KIND);
}

static void pin(int f)
{
	int i = pick(PINS), lo = pick(BLOCKS), n = 1 + pick(4), hi = lo + n > BLOCKS ? BLOCKS : lo + n;
	struct leasefs_pin asked = { .version = LEASEFS_ABI,
				     .off = (uint64_t)lo * BLOCK,
				     .len = (uint64_t)(hi - lo) * BLOCK };
	struct slot *slot = &shared->workers[me].pins[i];
	uint64_t value = slot->value + 1;
	struct stat st;
	long result;
	char *at;

	if (mine[i].id != 0)
		return;
	result = ioctl(fds[f], LEASEFS_IOC_PIN, &asked);
	count(PIN, result);
	if (result < 0)
		return;
	at = mmap(NULL, asked.len, PROT_READ | PROT_WRITE, MAP_SHARED, fds[f], asked.off);
	if (at == MAP_FAILED) {
		violation("mmap of a pinned range: %s", strerrorname_np(errno));
		return;
	}
	/* What lies beyond the end, in the last block, is no byte of the file. */
	fstat(fds[f], &st);
	if ((off_t)(hi - 1) * BLOCK + lane(me, i) + (off_t)sizeof value > st.st_size)
		munmap(at + (--hi - lo) * BLOCK, BLOCK);
	for (int b = 0; b < hi - lo; b++)
		memcpy(at + b * BLOCK + lane(me, i), &value, sizeof value);
	mine[i].id = asked.id, mine[i].at = at, mine[i].lo = lo, mine[i].hi = hi, mine[i].file = f;
	slot->file = f, slot->lo = lo, slot->hi = hi;
	__atomic_store_n(&slot->value, value, __ATOMIC_SEQ_CST);
}

static void unpin(void)
{
	int i = pick(PINS);
	struct leasefs_unpin asked = { .version = LEASEFS_ABI, .id = mine[i].id };
	uint64_t value = shared->workers[me].pins[i].value;
	long result;

	if (mine[i].id == 0)
		return;
	verify(me, i, false);
	for (int b = 0; b < mine[i].hi - mine[i].lo; b++)
		if (memcmp(mine[i].at + b * BLOCK + lane(me, i), &value, sizeof value) != 0)
			violation("file %d block %d: the mapping lost a store", mine[i].file, mine[i].lo + b);
	forget(&shared->workers[me].pins[i]);
	munmap(mine[i].at, (mine[i].hi - mine[i].lo) * BLOCK);
	result = ioctl(fds[pick(nfiles)], LEASEFS_IOC_UNPIN, &asked);
	count(UNPIN, result);
	if (result < 0)
		violation("unpin of its own pin: %s", strerrorname_np(errno));
	mine[i].id = 0;
}

/* X2: nothing sets a size under the shared unbreakable lease of another; a direct file's writes may. */
static void cut(int f)
{
	off_t size = pick(3) ? BLOCKS * BLOCK : (off_t)pick(BLOCKS + 1) * BLOCK + pick(2) * pick(BLOCK);
	uint64_t held = 0;
	struct stat st;
	long result;
	int other = 0;

	while (other < crew && (other == me || (shared->workers[other].held[f] & KIND) != SHARED))
		other++;
	if (other < crew)
		held = shared->workers[other].held[f];
	fstat(fds[f], &st);
	result = ftruncate(fds[f], size);
	count(TRUNCATE, result);
	if (pooled && result == 0 && (held & KIND) == SHARED && !shared->workers[other].doomed &&
	    shared->workers[other].held[f] == held && st.st_size != size)
		violation("file %d: cut to %ld under the shared lease of worker %d", f, (long)size, other);
}

static void change(int f)
{
	static const int modes[OPS] = { [PUNCH] = FALLOC_FL_PUNCH_HOLE, [ZERO] = FALLOC_FL_ZERO_RANGE };
	int op = TRUNCATE + pick(WRITE - TRUNCATE + 1);
	off_t lo = pick(BLOCKS * BLOCK), len = 1 + pick(4 * BLOCK);

	if (pick(2)) {
		lo -= lo % BLOCK;
		len += BLOCK - len % BLOCK;
	}
	if (op == TRUNCATE)
		cut(f);
	else if (op == WRITE)
		count(op, pwrite(fds[f], "written.", 8, lo - lo % BLOCK + BLOCK - 8));
	else
		count(op, fallocate(fds[f], modes[op] | FALLOC_FL_KEEP_SIZE, lo, len));
}

/* A child has the descriptors and not the leases; it dies a little later. */
static void fork_child(int f)
{
	pid_t child = fork();

	if (child == 0) {
		struct leasefs_pin asked = { .version = LEASEFS_ABI, .len = BLOCK };

		setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
		if (ioctl(fds[f], LEASEFS_IOC_PIN, &asked) == 0)
			violation("a child pinned without a lease of its own");
		usleep(pick(300000));
		_exit(0);
	}
	count(FORK, child);
}

static void interrupt(int signal)
{
	(void)signal;
}

static void step(void)
{
	int f = pick(nfiles), what = pick(100);

	shared->workers[me].beat = time(NULL);
	if (what < 14)
		take_lease(f);
	else if (what < 36)
		pin(f);
	else if (what < 46)
		unpin();
	else if (what < 72)
		change(f);
	else if (what < 94)
		verify(pick(crew), pick(PINS), pick(3) == 0);
	else if (what < 96) {
		hold(me, f, NOTHING);
		open_file(f);
		count(REOPEN, fds[f]);
	} else if (what < 97)
		fork_child(f);
	else
		release(f);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

void work(int worker, unsigned seed)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval often = { { 1, 700000 }, { 1, 700000 } };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = worker;
	seed_pick(seed);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int f = 0; f < nfiles; f++)
		open_file(f);
	do
		step();
	while (pick(2000) != 0);
	forget_all(me);
	_exit(0);
}
