/* An unbreakable lease stops others, so it needs a description that may write; a breakable one does not (L7). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	close(begin(argc, argv));
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must("open", fd >= 0);
	expect("an exclusive lease through a descriptor for reading", -EBADF, lease_set(fd, EXCLUSIVE));
	expect("a shared unbreakable one", -EBADF, lease_set(fd, SHARED));
	expect("a shared one", 0, lease_set(fd, SHARED_BREAKABLE));
	expect("release it", 0, lease_set(fd, NONE));
	return finish();
}
