/* The child pins more: it shares its parent's description, and owns no lease. It needs one of its own (N2, L3). */
#include "../proposal.h"

static int data;
static char *at;

static long own_lease_and_register(void)
{
	int fd = open_file();
	long r = lease_set(fd, SHARED);
	return r < 0 ? r : try_register(map(fd), MIB);
}

/* Holds a registration of its own until it is let go. */
static void child(int line)
{
	struct memory m;
	int fd = open_file();

	close(data);
	memory_open(&m);
	lease_set(fd, SHARED);
	say(line, memory_register(&m, map(fd) + 2 * MIB, MIB));
	hear(line);
}

int main(int argc, char **argv)
{
	data = begin(argc, argv);
	at = map(data);
	struct memory m = device();

	expect("the parent takes an exclusive lease", 0, lease_set(data, EXCLUSIVE));
	expect_registered("the parent registers", memory_register(&m, at, MIB));
	expect("its child registers more", -EPERM, BY_ANOTHER(try_register(at + MIB, MIB)));
	expect("its child wants a lease of its own", -EAGAIN, BY_ANOTHER(own_lease_and_register()));
	expect("the parent shares: converts to a shared unbreakable lease", 0, lease_set(data, SHARED));
	expect("its child still owns none", -EPERM, BY_ANOTHER(try_register(at + MIB, MIB)));
	struct process c = start(child);
	expect("a child with a lease of its own registers", 0, hear(c.line));
	expect("the parent unregisters", 0, memory_unregister(&m));
	expect("the parent releases its lease", 0, lease_set(data, NONE));
	expect("truncate while the child's registration lives", -ETXTBSY, BY_ANOTHER(cut(0)));
	end(c);
	expect("truncate when the child is gone", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
