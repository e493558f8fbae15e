/* A process killed while it waits for a lease is gone: the break goes on, and it leaves no lease that refuses (B5). */
#include "../proposal.h"

static void asker(int line)
{
	int fd = open_file();

	say(line, 0);
	say(line, lease_set(fd, EXCLUSIVE));
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	hold_sigio();
	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	struct process p = start(asker);
	hear(p.line);
	expect_value("an exclusive one for another process: SIGIO comes", SIGIO, await_sigio());
	expect("kill it", 0, answer(kill(p.pid, SIGKILL)));
	end(p);
	expect_lease("ours must still become", NONE, fd);
	expect("release it", 0, lease_set(fd, NONE));
	expect("a third one can have an exclusive one", 0, SOON_BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	expect("and truncate", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
