/* The administrator's remedy: the holder is killed, and with it go its registrations, its lease and the refusals (A2). */
#include "../proposal.h"

static int data;
static char *at;

static void holder(int line)
{
	struct memory m;
	long r = memory_open(&m);

	say(line, lease_set(data, EXCLUSIVE));
	say(line, r < 0 ? r : memory_register(&m, at, MIB));
	close(data);
	say(line, 0);
	hear(line);
}

int main(int argc, char **argv)
{
	data = begin(argc, argv);
	at = map(data);
	struct memory probe = device();
	memory_close(&probe);

	struct process p = start(holder);
	close(data);
	munmap(at, FILE_SIZE);
	expect("take an exclusive lease", 0, hear(p.line));
	expect_registered("register", hear(p.line));
	hear(p.line);
	expect("truncate while the holder lives", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("kill the holder", 0, answer(kill(p.pid, SIGKILL)));
	end(p);
	expect("truncate", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
