/* F_UNLCK under a pin: a lease cannot be released, nor made breakable, while memory is registered under it (L5). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("release the lease", -EBUSY, lease_set(fd, NONE));
	expect("release it by a child", -EBUSY, BY_ANOTHER(lease_set(fd, NONE)));
	expect("make it breakable", -EBUSY, lease_set(fd, SHARED_BREAKABLE));
	expect_lease("it is as it was", EXCLUSIVE, fd);
	expect("truncate by another process", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("make it a shared unbreakable one", 0, lease_set(fd, SHARED));
	expect("and exclusive again", 0, lease_set(fd, EXCLUSIVE));
	expect("unregister", 0, memory_unregister(&m));
	expect("release the lease then", 0, lease_set(fd, NONE));
	return finish();
}
