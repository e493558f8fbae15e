/* A write beyond the end changes the layout: refused to others under an exclusive lease (X2, X8). */
#include "../proposal.h"

static long append(void)
{
	long r = answer(pwrite(open_file(), "x", 1, FILE_SIZE + BLOCK));
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect("allocate beyond the end by another process", -ETXTBSY,
	       BY_ANOTHER(answer(fallocate(open_file(), 0, FILE_SIZE, BLOCK))));
	expect("truncate up by another process", -ETXTBSY, BY_ANOTHER(cut(FILE_SIZE + BLOCK)));
	expect("write beyond the end by another process", -ETXTBSY, BY_ANOTHER(append()));
	expect("truncate up by its owner", 0, answer(ftruncate(fd, FILE_SIZE + BLOCK)));
	return finish();
}
