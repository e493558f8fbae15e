/* A second exclusive lease, while the first is held, is refused to every process, by another description of its own
 * process too (L3). Truncate and punch are refused without any pin (X2). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	expect("take an exclusive lease", 0, lease_set(fd, EXCLUSIVE));
	expect_lease("see it", EXCLUSIVE, fd);
	expect("a second one for another process", -EAGAIN, BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	expect("a second one by another description of ours", -EAGAIN, lease_elsewhere(EXCLUSIVE));
	expect("a shared one for another process", -EAGAIN, BY_ANOTHER(lease_elsewhere(SHARED_BREAKABLE)));
	expect("truncate by another process", -ETXTBSY, BY_ANOTHER(cut(MIB)));
	expect("punch by another process", -ETXTBSY, BY_ANOTHER(punch(0, BLOCK)));
	expect_value("the size is as it was", FILE_SIZE, size_now());
	expect("release it", 0, lease_set(fd, NONE));
	expect_lease("see none", NONE, fd);
	expect("release what is none", -EAGAIN, lease_set(fd, NONE));
	expect("now another process can have it", 0, SOON_BY_ANOTHER(lease_elsewhere(EXCLUSIVE)));
	return finish();
}
