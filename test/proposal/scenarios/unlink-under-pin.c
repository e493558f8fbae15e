/* Unlink is no layout change: the name goes, the blocks stay while they are registered, and data arrive (X5, N6). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();
	unsigned char byte;

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("unlink by another process", 0, BY_ANOTHER(answer(unlink(path))));
	expect("truncate it", -EDEADLK, answer(ftruncate(fd, 0)));
	expect("data arrive", 0, memory_receive(&m, at, BLOCK, 0x5a));
	expect_value("and are in the file", 0x5a, pread(fd, &byte, 1, 0) == 1 ? byte : -ENODATA);
	expect("unregister", 0, memory_unregister(&m));
	expect("release the lease", 0, lease_set(fd, NONE));
	expect("truncate the file without a name", 0, answer(ftruncate(fd, 0)));
	return finish();
}
