/* An unbreakable lease stops others, so it needs a description that may write; a breakable one does not (L7). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	close(begin(argc, argv));
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must("open", fd >= 0);
	expect("an exclusive lease through a descriptor for reading", -EBADF, set_lease(fd, EXCLUSIVE));
	expect("a shared unbreakable one", -EBADF, set_lease(fd, SHARED_UNBREAKABLE));
	expect("a shared one", 0, set_lease(fd, SHARED));
	expect("give it back", 0, set_lease(fd, NONE));
	return finish();
}
