/* Truncate under a pin: every way to free blocks is refused, nothing changes, and data that arrive after it are
 * in the file, not in orphaned pages (X1, X2). */
#include "../proposal.h"

static long zero(off_t off, off_t len)
{
	return answer(fallocate(open_file(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, off, len));
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("truncate to nothing", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("truncate inside a registered block", -ETXTBSY, BY_ANOTHER(cut(MIB - 1)));
	expect("open with O_TRUNC", -ETXTBSY, BY_ANOTHER(open_truncating()));
	expect("punch a block", -ETXTBSY, BY_ANOTHER(punch(BLOCK, BLOCK)));
	expect("punch some bytes of a block", -ETXTBSY, BY_ANOTHER(punch(10, 20)));
	expect("zero a range", -ETXTBSY, BY_ANOTHER(zero(0, BLOCK)));
	expect_value("the size is as it was", FILE_SIZE, size_now());
	expect_value("the bytes are as they were", FILL, byte_at(BLOCK));
	expect("data arrive", 0, memory_receive(&m, at + BLOCK, BLOCK, 0x5a));
	expect_value("and are in the file", 0x5a, byte_at(BLOCK));
	expect("unregister", 0, memory_unregister(&m));
	expect("truncate under the lease alone", -ETXTBSY, BY_ANOTHER(cut(0)));
	expect("release the lease", 0, lease_set(fd, NONE));
	expect("truncate", 0, SOON_BY_ANOTHER(cut(0)));
	return finish();
}
