/* exec is not the death of the owner: what it becomes still owns the lease, and may pin (L6, N1). */
#include "../proposal.h"

#define HELD "PROPOSAL_DESCRIPTOR"

/* After the exec: the story goes on. */
static int go_on(int fd)
{
	struct memory m = device();

	expect_lease("after exec: the lease is held", EXCLUSIVE, fd);
	expect("truncate by another process", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect_registered("register", memory_register(&m, map(fd), MIB));
	expect("unregister", 0, memory_unregister(&m));
	expect("release the lease", 0, lease_set(fd, NONE));
	return finish();
}

int main(int argc, char **argv)
{
	const char *held = getenv(HELD);

	if (held != NULL) {
		scenario = program_invocation_short_name;
		storyteller = getpid();
		snprintf(path, sizeof path, "%s/%s.%d", argv[argc - 1], scenario, storyteller);
		differs = getenv("PROPOSAL_DIFFERS") != NULL;
		alarm(LIMIT_SECONDS);
		return go_on(atoi(held));
	}

	int fd = begin(argc, argv);
	char number[24];

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	snprintf(number, sizeof number, "%d", fd);
	must("setenv", setenv(HELD, number, 1) == 0 && (!differs || setenv("PROPOSAL_DIFFERS", "1", 1) == 0));
	must("fcntl", fcntl(fd, F_SETFD, 0) == 0);
	execv("/proc/self/exe", argv);
	must("exec", false);
}
