/* What is no layout change concerns no lease: others read, write in place, store, chmod and rename while the file
 * is leased and pinned; a process without the permission begins no break. */
#include "../proposal.h"

static long write_in_place(void)
{
	long r = answer(pwrite(open_file(), "x", 1, BLOCK));
	return r < 0 ? r : 0;
}

static long store(void)
{
	map(open_file())[2 * BLOCK] = 'y';
	return 0;
}

static long rename_twice(void)
{
	char other[sizeof path + 8];
	snprintf(other, sizeof other, "%s.other", path);
	long r = answer(rename(path, other));
	return r < 0 ? r : answer(rename(other, path));
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = map(fd);
	struct memory m = device();

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register", memory_register(&m, at, MIB));
	expect("write in place by another process", 0, BY_ANOTHER(write_in_place()));
	expect_value("which is seen", 'x', at[BLOCK]);
	expect("store through a mapping by another process", 0, BY_ANOTHER(store()));
	expect_value("which is seen too", 'y', at[2 * BLOCK]);
	expect("chmod by another process", 0, BY_ANOTHER(answer(chmod(path, 0640))));
	expect("rename by another process", 0, BY_ANOTHER(rename_twice()));
	expect("set the size to what it is", 0, BY_ANOTHER(cut(FILE_SIZE)));
	expect("unregister", 0, memory_unregister(&m));
	expect("release the lease", 0, lease_set(fd, NONE));
	return finish();
}
