/* SPDX-License-Identifier: MIT
 *
 * regions - memory regions of an RDMA device as a test says, one command a line, one answer a line.
 *
 *	lease FILE		the proposal's exclusive lease, through a descriptor that is kept
 *	map FILE|- ...		64 KiB of each file, or of memory with nothing behind it, side by side: `ok N`
 *	register N		a region of all that mapping N has
 *	deregister N
 *
 * An answer is `ok` or an errno name. Ends with its input. Linked with -libverbs.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define F_LAYOUT     16
#define F_EXCLUSIVE  32
#define PART         (64 << 10)
#define MAPPINGS_MAX 16

static struct {
	char *at;
	size_t len;
	struct ibv_mr *mr;
} mappings[MAPPINGS_MAX];
static int count;

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, PART) < 0)
		err(1, "%s", path);
	return fd;
}

static int map(char *names)
{
	char *at = mmap(NULL, MAPPINGS_MAX * PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t len = 0;

	if (at == MAP_FAILED || count == MAPPINGS_MAX)
		return -1;
	for (char *name = strtok(names, " "); name != NULL && len < MAPPINGS_MAX * PART;
	     name = strtok(NULL, " "), len += PART) {
		if (strcmp(name, "-") == 0)
			continue;
		int fd = open_file(name);
		if (mmap(at + len, PART, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			return -1;
		close(fd);
	}
	mappings[count].at = at;
	mappings[count].len = len;
	return count++;
}

static void answer(int error)
{
	puts(error == 0 ? "ok" : strerrorname_np(error));
}

int main(void)
{
	struct ibv_device **devices = ibv_get_device_list(NULL);
	struct ibv_context *context = devices && devices[0] ? ibv_open_device(devices[0]) : NULL;
	struct ibv_pd *pd = context ? ibv_alloc_pd(context) : NULL;
	char line[4096];

	if (pd == NULL)
		errx(1, "no RDMA device");
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d\n", getpid());
	while (fgets(line, sizeof line, stdin) != NULL) {
		char *rest = strchr(line, ' ');

		line[strcspn(line, "\n")] = 0;
		if (rest == NULL)
			errx(1, "no argument: %s", line);
		*rest++ = 0;
		int n = atoi(rest);
		if (strcmp(line, "map") != 0 && strcmp(line, "lease") != 0 && (n < 0 || n >= count))
			errx(1, "no mapping %s", rest);
		if (strcmp(line, "lease") == 0) {
			answer(fcntl(open_file(rest), F_SETLEASE, F_LAYOUT | F_EXCLUSIVE) < 0 ? errno : 0);
		} else if (strcmp(line, "map") == 0) {
			int made = map(rest);
			if (made < 0)
				answer(errno);
			else
				printf("ok %d\n", made);
		} else if (strcmp(line, "register") == 0) {
			mappings[n].mr = ibv_reg_mr(pd, mappings[n].at, mappings[n].len, IBV_ACCESS_LOCAL_WRITE);
			answer(mappings[n].mr == NULL ? errno : 0);
		} else if (strcmp(line, "deregister") == 0) {
			answer(ibv_dereg_mr(mappings[n].mr));
		} else {
			errx(1, "no command %s", line);
		}
	}
	return 0;
}
