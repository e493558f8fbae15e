/* A wait for a lease can be interrupted: EINTR, and no lease comes of it later (B5). */
#include "../proposal.h"

static void ignore(int signal)
{
	(void)signal;
}

static void asker(int line)
{
	struct sigaction action = { .sa_handler = ignore };
	int fd = open_file();

	sigaction(SIGUSR1, &action, NULL);
	say(line, 0);
	say(line, lease_set(fd, EXCLUSIVE));
	hear(line);
	say(line, lease_get(fd));
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	hold_sigio();
	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	struct process p = start(asker);
	hear(p.line);
	expect_value("an exclusive one for another process: SIGIO comes", SIGIO, await_sigio());
	kill(p.pid, SIGUSR1);
	expect("the other one gets a signal while it waits", -EINTR, hear(p.line));
	expect("release ours", 0, lease_set(fd, NONE));
	expect("a third one can have it", 0, SOON_BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	say(p.line, 0);
	expect_value("the other one has none", NONE, hear(p.line));
	end(p);
	return finish();
}
