/* The zombie: the file is closed and unmapped while a registration remains. The lease goes on protecting it,
 * allows no new pin, and ends with the last registration (N3, N5, N6, L3, X2). */
#include "../proposal.h"

static long pin_more(void)
{
	return try_register(map(open_file()), BLOCK);
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("unmap", 0, answer(munmap(at, FILE_SIZE)));
	expect("close the file", 0, answer(close(fd)));
	expect("truncate by another process", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("punch beside the registered range by another process", -ETXTBSY, BY_ANOTHER(punch(2 * MIB, BLOCK)));
	expect("an exclusive lease for another process", -EAGAIN, BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	expect("an exclusive lease for its own process", -EAGAIN, lease_elsewhere(EXCLUSIVE));
	expect("register more", -EPERM, pin_more());
	expect("data still arrive", 0, memory_receive(&m, at, BLOCK, 0x5a));
	expect_value("and are in the file", 0x5a, byte_at(0));
	expect("unregister", 0, memory_unregister(&m));
	expect("an exclusive lease for another process then", 0, SOON_BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	expect("truncate by another process then", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
