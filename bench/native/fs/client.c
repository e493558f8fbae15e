/* The client of bench:fs: carries out one operation over and over and times every call.
 *
 * usage: client OPERATION DIR THREADS MS
 * Prints one line: calls, then ns a call: median, 99 %; or "unsupported ERRNO". Every thread has a file of its own. What
 * prepares a call (the file that an unlink removes) is not timed. The clock itself costs some 30 ns a call. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "operations.h"

static const struct operation *operation;
static uint64_t duration;
static pthread_barrier_t barrier;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int prepare(struct job *j)
{
	j->fd = open(j->file, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (j->fd < 0)
		return -1;
	for (uint32_t off = 0; off < FILE_SIZE; off += MIB)
		if (pwrite(j->fd, j->data, MIB, off) != MIB)
			return -1;
	if (operation->flags) {
		close(j->fd);
		j->fd = open(j->file, operation->flags);
		if (j->fd < 0)
			return -1;
	}
	return operation->begin ? operation->begin(j) : 0;
}

static void *work(void *argument)
{
	struct job *j = argument;
	if (prepare(j) < 0)
		j->error = errno ? errno : EIO;
	pthread_barrier_wait(&barrier);
	uint64_t end = now() + duration;
	while (!j->error && j->count < SAMPLES) {
		if (operation->before && operation->before(j) < 0)
			j->error = errno;
		uint64_t from = now();
		if (!j->error && operation->call(j) < 0)
			j->error = errno ? errno : EIO;
		uint64_t to = now();
		j->samples[j->count++] = (uint32_t)(to - from);
		if (!j->error && operation->after && operation->after(j) < 0)
			j->error = errno;
		if (to >= end)
			break;
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		if (!strcmp(operations[i].name, argv[1]))
			operation = &operations[i];
	size_t threads = (size_t)atoi(argv[3]);
	duration = (uint64_t)atoi(argv[4]) * 1000000u;
	struct job *jobs = calloc(threads, sizeof *jobs);
	pthread_t *ids = calloc(threads, sizeof *ids);
	if (!operation || !threads || !jobs || !ids || pthread_barrier_init(&barrier, NULL, (unsigned)threads))
		return 2;
	for (size_t i = 0; i < threads; i++) {
		struct job *j = &jobs[i];
		snprintf(j->file, sizeof j->file, "%s/%d.%zu", argv[2], getpid(), i);
		j->samples = malloc(SAMPLES * sizeof *j->samples);
		j->data = aligned_alloc(PAGE, MIB);
		if (!j->samples || !j->data)
			return 2;
		memset(j->data, 7, MIB);
		if (pthread_create(&ids[i], NULL, work, j))
			return 2;
	}
	size_t count = 0;
	uint32_t *all = malloc(threads * SAMPLES * sizeof *all);
	int error = all ? 0 : ENOMEM;
	for (size_t i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		if (jobs[i].error)
			error = jobs[i].error;
		if (error)
			continue;
		memcpy(all + count, jobs[i].samples, jobs[i].count * sizeof *all);
		count += jobs[i].count;
	}
	if (error) {
		printf("unsupported %s\n", strerrorname_np(error));
		return 0;
	}
	qsort(all, count, sizeof *all, ascending);
	printf("%zu %.1f %.1f\n", count, (double)all[count / 2] / operation->times,
	       (double)all[count - 1 - count / 100] / operation->times);
	return 0;
}
