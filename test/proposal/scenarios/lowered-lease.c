/* An exclusive lease that can be broken, when another process asks for a shared one: its holder makes it shared, and both
 * have one (L3, L4, L8). */
#include "../proposal.h"

static void reader(int line)
{
	int fd = open_file();

	say(line, lease_set(fd, SHARED_BREAKABLE));
	hear(line);
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	hold_sigio();
	expect("take an exclusive lease that can be broken", 0, lease_set(fd, F_WRLCK | F_LAYOUT));
	struct process p = start(reader);
	expect_value("a shared one for another process: SIGIO comes", SIGIO, await_sigio());
	expect_lease("ours must become", SHARED_BREAKABLE, fd);
	expect("make it that", 0, lease_set(fd, SHARED_BREAKABLE));
	expect("the other one has its own", 0, hear(p.line));
	expect_lease("and we have ours", SHARED_BREAKABLE, fd);
	end(p);
	return finish();
}
