/*
 * storm - processes that lease, pin and change the same files of a mount at random, and are killed at random.
 *
 *	storm direct|pooled DIR SECONDS WORKERS FILES SEED
 *
 * Safety by content: a process that has pinned blocks stores a value of its own in each of them through a mapping, and as
 * long as the pin stands every process reads it there. Each pin has a lane of 8 bytes in each block, so that pins may
 * overlap; plain writes keep to the last 8 bytes of a block. The table of pins is shared memory; a pin is in it from after
 * its stores until before it is removed. Prints each violation as it is seen, and in the end one line of JSON; exit status
 * 1 if there was a violation, or a worker that did nothing for a minute.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "storm.h"

static const char *const names[OPS] = { "lease", "pin",   "unpin",  "truncate", "punch",  "zero",
					"alloc", "write", "reopen", "fork",     "release" };

struct shared *shared;
int crew, nfiles;
char paths[FILES][256];
bool pooled;

static void start(int worker)
{
	struct worker *w = &shared->workers[worker];
	unsigned seed = pick(1u << 31);
	pid_t pid;

	w->beat = time(NULL);
	w->doomed = false;
	pid = fork();
	if (pid == 0)
		work(worker, seed);
	w->pid = pid;
}

/* Starts another for each that has ended. */
static void replace(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		int worker = 0;

		while (worker < crew && shared->workers[worker].pid != pid)
			worker++;
		if (worker == crew)
			continue;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			violation("worker %d died of signal %d in %s", worker, WTERMSIG(status),
				  names[shared->workers[worker].doing]);
		forget_all(worker);
		start(worker);
	}
}

static void watch(void)
{
	for (int i = 0; i < crew; i++) {
		struct worker *w = &shared->workers[i];

		if (time(NULL) - w->beat <= STUCK_SECONDS)
			continue;
		shared->hangs++;
		printf("hang: worker %d (%d) after %s\n", i, w->pid, names[w->doing]);
		w->beat = time(NULL);
	}
}

int main(int argc, char **argv)
{
	time_t end;
	long deaths = 0;

	if (argc != 7 || atoi(argv[4]) > WORKERS || atoi(argv[5]) > FILES)
		return 2;
	pooled = strcmp(argv[1], "pooled") == 0;
	crew = atoi(argv[4]), nfiles = atoi(argv[5]);
	seed_pick(atoi(argv[6]));
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int f = 0; f < nfiles; f++) {
		int fd;

		snprintf(paths[f], sizeof paths[f], "%s/storm-%d", argv[2], f);
		fd = open(paths[f], O_RDWR | O_CREAT, 0666);
		if (fd < 0 || ftruncate(fd, BLOCKS * BLOCK) < 0 || close(fd) < 0)
			return perror(paths[f]), 2;
	}
	for (int w = 0; w < crew; w++)
		start(w);
	for (end = time(NULL) + atol(argv[3]); time(NULL) < end; usleep(150000)) {
		if (pick(6) == 0) {
			int w = pick(crew);

			shared->workers[w].doomed = true;
			__sync_synchronize();
			forget_all(w);
			kill(shared->workers[w].pid, SIGKILL);
			deaths++;
		}
		replace();
		watch();
	}
	for (int w = 0; w < crew; w++)
		kill(shared->workers[w].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	printf("{\"deaths\": %ld, \"checks\": %ld, \"violations\": %ld, \"hangs\": %ld", deaths, shared->checks,
	       shared->violations, shared->hangs);
	for (int op = 0; op < OPS; op++)
		printf(", \"%s\": [%ld, %ld]", names[op], shared->done[op], shared->refused[op]);
	printf("}\n");
	return shared->violations > 0 || shared->hangs > 0;
}
