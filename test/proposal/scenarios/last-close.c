/* The last close of the description ends the lease, an earlier one of a duplicate does not; unmapping is not asked for
 * (L1, L2). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	must("dup", twin >= 0);
	expect("close one of two descriptors", 0, answer(close(fd)));
	expect("truncate by another process", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("close the other", 0, answer(close(twin)));
	expect("truncate by another process then", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
