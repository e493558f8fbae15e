/* Two processes that do not know of each other register memory of one file, each under a shared unbreakable lease;
 * the file is protected until both are done (L3, X2, X3). */
#include "../proposal.h"

static void other(int line)
{
	struct memory m;
	int fd = open_file();
	char *at = map(fd);

	memory_open(&m);
	say(line, lease_set(fd, SHARED));
	say(line, memory_register(&m, at, MIB));
	hear(line);
	say(line, memory_unregister(&m));
	say(line, lease_set(fd, NONE));
	hear(line);
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take a shared unbreakable lease", 0, lease_set(fd, SHARED));
	expect_registered("register", memory_register(&m, at, MIB));
	struct process p = start(other);
	expect("another process takes one too", 0, hear(p.line));
	expect("and registers the same range", 0, hear(p.line));
	expect("truncate by a third", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("an exclusive lease for a third", -EAGAIN, BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	expect("make ours exclusive", -EAGAIN, lease_set(fd, EXCLUSIVE));
	expect("unregister", 0, memory_unregister(&m));
	expect("release ours", 0, lease_set(fd, NONE));
	expect("truncate while the other registration lives", -ETXTBSY, cut(0));
	say(p.line, 0);
	expect("the other one unregisters", 0, hear(p.line));
	expect("and releases its lease", 0, hear(p.line));
	expect("truncate", 0, SOON_BY_ANOTHER(cut(0)));
	end(p);
	return finish();
}
