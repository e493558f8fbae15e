/* The breaker is the holder: a process that would free what it pinned itself gets EDEADLK, its own bug; a
 * lease of its own is not in its way otherwise, unless others may hold one too (X1, X3, X4, X6). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	expect("truncate under a breakable lease of ours", 0, answer(ftruncate(fd, 3 * MIB)));
	expect_lease("it was not broken", SHARED_BREAKABLE, fd);
	expect("convert it to a shared unbreakable one", 0, lease_set(fd, SHARED));
	expect("truncate under it", -EDEADLK, answer(ftruncate(fd, 2 * MIB)));
	expect("convert it to an exclusive one", 0, lease_set(fd, EXCLUSIVE));
	expect("truncate under that", 0, answer(ftruncate(fd, 2 * MIB)));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("truncate what we registered", -EDEADLK, answer(ftruncate(fd, 0)));
	expect("the same by its name", -EDEADLK, cut(MIB / 2));
	expect("punch it", -EDEADLK, punch(0, BLOCK));
	expect("open it with O_TRUNC", -EDEADLK, open_truncating());
	expect("truncate behind it", 0, answer(ftruncate(fd, MIB)));
	expect_value("which is done", MIB, size_now());
	expect("unregister", 0, memory_unregister(&m));
	expect("truncate then", 0, answer(ftruncate(fd, 0)));
	return finish();
}
