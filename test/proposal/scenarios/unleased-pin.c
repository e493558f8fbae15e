/* Pins without a lease: a process that registers memory of a file must hold an unbreakable layout lease on it (N1). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("register without a lease", -EPERM, try_register(at, MIB));
	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	expect("register under a lease that can be broken", -EPERM, try_register(at, MIB));
	expect("convert it to an exclusive one", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register under it", memory_register(&m, at, MIB));
	expect("unregister", 0, memory_unregister(&m));
	expect("release the lease", 0, lease_set(fd, NONE));
	expect("register again", -EPERM, try_register(at, MIB));
	return finish();
}
