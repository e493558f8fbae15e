/* The lease of a dead owner: it lives while a child shares its description, but the child may not pin until it takes
 * the lease over by a call of its own (L2, L6, N2). */
#include "../proposal.h"

static int data, to_storyteller;
static char *at;

static void child(int unused)
{
	int line = to_storyteller;

	close(unused);
	say(line, getpid());
	hear(line);
	say(line, try_register(at, MIB));
	say(line, lease_set(data, EXCLUSIVE));
	say(line, try_register(at, MIB));
}

static void owner(int line)
{
	to_storyteller = line;
	say(line, lease_set(data, EXCLUSIVE));
	start(child);
}

int main(int argc, char **argv)
{
	data = begin(argc, argv);
	at = map(data);
	struct memory m = device();
	memory_close(&m);

	struct process p = start(owner);
	close(data);
	munmap(at, FILE_SIZE);
	expect("take an exclusive lease", 0, hear(p.line));
	hear(p.line);
	waitpid(p.pid, NULL, 0);
	expect("truncate when its owner is dead and a child has the descriptor", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("an exclusive lease for another process", -EAGAIN, BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	say(p.line, 0);
	expect("the child registers", -EPERM, hear(p.line));
	expect("the child takes the lease over", 0, hear(p.line));
	expect_registered("the child registers then", hear(p.line));
	end(p);
	expect("truncate when the child is gone too", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
