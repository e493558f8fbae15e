/* SCM_RIGHTS: a process that is passed the descriptor shares the lease, and so may release it, but does not own it, and so
 * may not pin; the last descriptor ends it (L1, L2, N2). */
#include "../proposal.h"

static void receiver(int line)
{
	int fd = receive_descriptor(line);

	say(line, lease_get(fd));
	say(line, try_register(map(fd), MIB));
	hear(line);
	say(line, lease_set(fd, NONE));
	hear(line);
}

int main(int argc, char **argv)
{
	close(begin(argc, argv));
	struct memory m = device();
	memory_close(&m);

	/* It is there before the file is opened: what it has, it was passed. */
	struct process p = start(receiver);
	int fd = open_file();
	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	send_descriptor(p.line, fd);
	expect_value("who is passed the descriptor sees the lease", EXCLUSIVE, hear(p.line));
	expect("and registers", -EPERM, hear(p.line));
	close(fd);
	expect("truncate when we have closed ours", -ETXTBSY, BY_ANOTHER(cut(0)));
	say(p.line, 0);
	expect("the other one releases the lease", 0, hear(p.line));
	expect("truncate then", 0, SOON_BY_ANOTHER(cut(MIB)));
	end(p);
	return finish();
}
