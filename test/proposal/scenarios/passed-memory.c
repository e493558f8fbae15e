/* Passed memory: a registration lives with the device's descriptor, in whose hands ever, and so does the protection
 * of its blocks; the lease under it is a zombie once the file is closed (N4, N5). */
#include "../proposal.h"

static int data, to_storyteller;
static char *at;
static struct memory m;

/* Has the device's descriptor, and neither the file nor a mapping of it. */
static void heir(int unused)
{
	int line = to_storyteller;

	close(unused);
	close(data);
	munmap(at, FILE_SIZE);
	say(line, getpid());
	hear(line);
	say(line, memory_receive(&m, at, BLOCK, 0x5a));
	hear(line);
	memory_close(&m);
	say(line, 0);
}

/* Takes the lease, registers, passes it on, and is gone. */
static void first(int line)
{
	long r = memory_open(&m);

	to_storyteller = line;
	say(line, lease_set(data, EXCLUSIVE));
	say(line, r < 0 ? r : memory_register(&m, at, MIB));
	if (hear(line) >= 0)
		start(heir);
}

int main(int argc, char **argv)
{
	data = begin(argc, argv);
	at = map(data);
	struct memory probe = device();
	memory_close(&probe);

	struct process p = start(first);
	close(data);
	munmap(at, FILE_SIZE);
	expect("take an exclusive lease", 0, hear(p.line));
	expect_registered("register", hear(p.line));
	say(p.line, 0);
	hear(p.line);
	waitpid(p.pid, NULL, 0);
	expect("truncate when who registered is gone and the memory was passed on", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("punch it", -ETXTBSY, BY_ANOTHER(punch(0, BLOCK)));
	expect("take an exclusive lease while the zombie lives", -EAGAIN, BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	say(p.line, 0);
	expect("data arrive through the heir", 0, hear(p.line));
	expect_value("and are in the file", 0x5a, byte_at(0));
	say(p.line, 0);
	expect("the heir closes the device", 0, hear(p.line));
	end(p);
	expect("truncate", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
