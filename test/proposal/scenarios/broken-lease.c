/* A lease that can be broken: a truncate tells its holder by the signal of F_SETSIG, waits, and goes on when the holder
 * has released the lease (X4, B1, L8). */
#include "../proposal.h"

static void breaker(int line)
{
	say(line, cut(MIB));
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	int wanted = SIGRTMIN + 3;
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, wanted);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	expect("choose a signal", 0, lease_signal(fd, wanted));
	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	struct process p = start(breaker);
	long got = answer(sigtimedwait(&set, &info, &(struct timespec){ 3, 0 }));
	expect_value("a truncate by another process: the signal comes", wanted, got);
	expect_value("with the descriptor", fd, got > 0 ? info.si_fd : got);
	expect_value("the truncate waits", FILE_SIZE, size_now());
	expect_lease("the lease must become", NONE, fd);
	expect("take another in the middle of it", -EAGAIN, lease_set(fd, SHARED_BREAKABLE));
	expect("release the lease", 0, lease_set(fd, NONE));
	expect("the truncate is done", 0, hear(p.line));
	expect_value("as it was asked", MIB, size_now());
	end(p);
	return finish();
}
