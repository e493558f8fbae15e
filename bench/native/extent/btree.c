/* The extent bench's rival in C: a static B-tree of 16-key nodes searched with AVX2, 17 children a node, in the manner
 * of Algorithmica's S+ tree. It is loaded once and knows no changes.
 *
 * Usage: btree DATA     DATA: int32 words: count, places[4], start[count], length[count], blk[count], then four arrays
 *                       of so many places: random, wide, zipf, sequential.
 * Then a line a question on stdin, an answer a line on stdout:
 *   check               -> value and run of each random query to DATA.answers as int32 pairs; "ok"
 *   bytes               -> bytes of the tree
 *   lookup P MS         -> ns an operation, the median of batches measured for MS ms; P: 0 random ... 3 sequential
 *   translate P MS      -> likewise
 */
#include <fcntl.h>
#include <immintrin.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 16, CHILDREN = 17, MAX_HEIGHT = 8, BATCH = 1 << 13, PATTERNS = 4, MAX_BATCHES = 1 << 16 };

struct record {
	int32_t length, blk;
};

static int32_t *level[MAX_HEIGHT]; /* level[0]: the leaves; nodes of KEYS keys */
static size_t nodes[MAX_HEIGHT];
static int height;
static struct record *records;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *claim(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!memory)
		die("aligned_alloc");
	return memory;
}

/* The first key below a node. */
static int32_t least(int h, size_t node)
{
	while (h-- > 0)
		node *= CHILDREN;
	return node < nodes[0] ? level[0][node * KEYS] : INT_MAX;
}

static void build(const int32_t *start, const int32_t *length, const int32_t *blk, size_t count)
{
	nodes[0] = (count + KEYS - 1) / KEYS;
	level[0] = claim(nodes[0] * KEYS * sizeof(int32_t));
	records = claim(nodes[0] * KEYS * sizeof *records);
	memset(records, 0, nodes[0] * KEYS * sizeof *records);
	for (size_t i = 0; i < nodes[0] * KEYS; i++)
		level[0][i] = i < count ? start[i] : INT_MAX;
	for (size_t i = 0; i < count; i++)
		records[i] = (struct record){ length[i], blk[i] };
	for (height = 1; nodes[height - 1] > 1; height++) {
		if (height == MAX_HEIGHT) {
			fprintf(stderr, "btree: too many extents\n");
			exit(1);
		}
		nodes[height] = (nodes[height - 1] + CHILDREN - 1) / CHILDREN;
		level[height] = claim(nodes[height] * KEYS * sizeof(int32_t));
		for (size_t node = 0; node < nodes[height]; node++)
			for (size_t key = 0; key < KEYS; key++)
				level[height][node * KEYS + key] = least(height - 1, node * CHILDREN + key + 1);
	}
}

static inline unsigned keys_up_to(const int32_t *node, __m256i query)
{
	__m256i low = _mm256_cmpgt_epi32(_mm256_load_si256((const __m256i *)node), query);
	__m256i high = _mm256_cmpgt_epi32(_mm256_load_si256((const __m256i *)(node + 8)), query);
	unsigned above = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(low)) |
			 (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(high)) << 8;
	return (unsigned)__builtin_ctz(above | 1u << 16);
}

static inline int32_t translate(int32_t pgoff, int32_t *run)
{
	__m256i query = _mm256_set1_epi32(pgoff);
	size_t node = 0;
	for (int h = height - 1; h > 0; h--)
		node = node * CHILDREN + keys_up_to(level[h] + node * KEYS, query);
	size_t at = node * KEYS + keys_up_to(level[0] + node * KEYS, query);
	if (at == 0) {
		*run = 1;
		return 0;
	}
	at--;
	int32_t behind = pgoff - level[0][at];
	int32_t left = records[at].length - behind;
	*run = left > 0 ? left : 1;
	return left > 0 ? records[at].blk + behind : 0;
}

static double now_ns(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		die("clock_gettime");
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static volatile int32_t sink;

static double measure(const int32_t *queries, size_t many, int with_run, double ms)
{
	static double took[MAX_BATCHES];
	static size_t cursor;
	size_t batches = 0;
	double stop = now_ns() + ms * 1e6;
	do {
		if (cursor + BATCH > many)
			cursor = 0;
		const int32_t *from = queries + cursor;
		cursor += BATCH;
		int32_t sum = 0, run;
		double began = now_ns();
		if (with_run)
			for (size_t i = 0; i < BATCH; i++) {
				int32_t value = translate(from[i], &run);
				sum = (int32_t)((uint32_t)sum + (uint32_t)value + (uint32_t)run);
			}
		else
			for (size_t i = 0; i < BATCH; i++)
				sum = (int32_t)((uint32_t)sum + (uint32_t)translate(from[i], &run));
		double ended = now_ns();
		sink = sum;
		took[batches++] = (ended - began) / BATCH;
		if (ended > stop && batches >= 3)
			break;
	} while (batches < MAX_BATCHES);
	qsort(took, batches, sizeof *took, by_size);
	return took[batches / 2];
}

static void write_answers(const char *path, const int32_t *queries, size_t many)
{
	FILE *file = fopen(path, "w");
	if (!file)
		die(path);
	for (size_t i = 0; i < many; i++) {
		int32_t pair[2];
		pair[0] = translate(queries[i], &pair[1]);
		if (fwrite(pair, sizeof pair, 1, file) != 1)
			die(path);
	}
	if (fclose(file) != 0)
		die(path);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: btree DATA\n");
		return 2;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		die(argv[1]);
	const int32_t *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED || close(fd) != 0)
		die(argv[1]);
	size_t count = (size_t)data[0];
	const int32_t *places = data + 1, *start = places + PATTERNS, *queries[PATTERNS];
	queries[0] = start + 3 * count;
	for (int i = 1; i < PATTERNS; i++)
		queries[i] = queries[i - 1] + places[i - 1];
	build(start, start + count, start + 2 * count, count);

	char answers[4096], line[64];
	if (snprintf(answers, sizeof answers, "%s.answers", argv[1]) >= (int)sizeof answers)
		return 2;
	while (fgets(line, sizeof line, stdin)) {
		unsigned pattern;
		double ms;
		if (strcmp(line, "check\n") == 0) {
			write_answers(answers, queries[0], (size_t)places[0]);
			puts("ok");
		} else if (strcmp(line, "bytes\n") == 0) {
			size_t bytes = nodes[0] * KEYS * sizeof *records;
			for (int h = 0; h < height; h++)
				bytes += nodes[h] * KEYS * sizeof(int32_t);
			printf("%zu\n", bytes);
		} else if (sscanf(line, "lookup %u %lf", &pattern, &ms) == 2 && pattern < PATTERNS) {
			printf("%f\n", measure(queries[pattern], (size_t)places[pattern], 0, ms));
		} else if (sscanf(line, "translate %u %lf", &pattern, &ms) == 2 && pattern < PATTERNS) {
			printf("%f\n", measure(queries[pattern], (size_t)places[pattern], 1, ms));
		} else {
			fprintf(stderr, "btree: what is '%s'?\n", line);
			return 2;
		}
		if (fflush(stdout) != 0)
			die("stdout");
	}
	return 0;
}
