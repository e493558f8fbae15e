/* storm.c, storm-worker.c: what the processes share. */
#ifndef STORM_H
#define STORM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { BLOCK = 4096, BLOCKS = 16, WORKERS = 40, FILES = 8, PINS = 6, STUCK_SECONDS = 60 };
enum { LEASE, PIN, UNPIN, TRUNCATE, PUNCH, ZERO, ALLOCATE, WRITE, REOPEN, FORK, RELEASE, OPS };

/* What a worker holds of a file: a number that grows with each change, times 4, plus the kind. */
enum { NOTHING, SHARED, EXCLUSIVE, KIND = 3, CHANGE = 4 };

/* value: odd while the pin stands, and what is stored in its lane. */
struct slot {
	volatile uint64_t value;
	int file, lo, hi;
};

struct worker {
	volatile pid_t pid;
	volatile time_t beat;
	volatile int doing;
	/* It is being killed: what it has in the table may be gone. */
	volatile bool doomed;
	volatile uint64_t held[FILES];
	struct slot pins[PINS];
};

struct shared {
	struct worker workers[WORKERS];
	volatile long done[OPS], refused[OPS], checks, violations, hangs;
};

extern struct shared *shared;
extern int crew, nfiles;
extern char paths[FILES][256];
extern bool pooled;

/* xorshift: each process has its own. */
void seed_pick(unsigned seed);
unsigned pick(unsigned below);

void violation(const char *format, ...);
/* The worker promises nothing of what it has in the table. */
void forget_all(int worker);
/* Works until it ends by itself; does not return. */
void work(int worker, unsigned seed);

#endif
